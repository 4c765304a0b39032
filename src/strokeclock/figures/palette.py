"""The colours of figures and pages: colour-blind safe, readable in grey."""

INK = "#222222"
PALE = "#999999"
# Okabe and Ito 2008, chosen to differ in lightness too; line styles repeat the difference without colour.
BLACK, ORANGE, SKY, BLUE, VERMILION, GREEN = "#000000", "#E69F00", "#56B4E9", "#0072B2", "#D55E00", "#009E73"
PURPLE = "#CC79A7"
# Darker, for words: at least 4.5 to 1 on white and on a pale tint (WCAG AA).
DARK_GREEN, DARK_ORANGE, DARK_VERMILION = "#00694D", "#7A5200", "#A02C00"
