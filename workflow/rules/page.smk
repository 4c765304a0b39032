# What a person reads: one page.

PAGE = []
