# What the paper lacks: paired tests, calibration, decision curve, abstention, subgroups.

STATISTICS = []
