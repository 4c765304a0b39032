# What a person reads: typeset tables, one page.

PAGE = []
