"""The three promises, and quality, measured with code the training never sees.

One question a module: `reconstruction` (how close is what comes back), `swd` (is it as sharp as
the data), `distribution` in `features` (as varied, and no copies), `measures` (the sixteen
attributes by an independent hand), `sliders` (does a slider do one thing), `style` beside
`colour_transfer` (is a look reached), `identifiability` (do runs agree), `speed` (how long a
frame takes) and `overhead` (what the trainer itself costs).

``python -m vae evaluate --world W --data FOLDER`` prints them all in one table; README.md in this
folder defines every row.
"""
