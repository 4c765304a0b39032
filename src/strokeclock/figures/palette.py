"""The colours of figures and pages: colour-blind safe, readable in grey."""

INK = "#222222"
PALE = "#999999"
# Okabe and Ito 2008, chosen to differ in lightness too; line styles repeat the difference without colour.
BLACK, ORANGE, SKY, BLUE, VERMILION, GREEN = "#000000", "#E69F00", "#56B4E9", "#0072B2", "#D55E00", "#009E73"
PURPLE = "#CC79A7"
