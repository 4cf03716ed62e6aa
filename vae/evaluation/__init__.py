"""The three promises, and quality, measured with code the training never sees.

One question a module: `reconstruction` (how close is what comes back), `swd` (is it as sharp as
the data), `distribution` in `features` (as varied, and no copies), `measures` (the sixteen
attributes by an independent hand), `sliders` (does a slider do one thing), `style` beside
`colour_transfer` (is a look reached), `identifiability` (do runs agree), `speed` (how long a
frame takes), `training_speed` (where a step goes, with `compiled`) and `overhead` (what the trainer
itself costs).

``python -m vae evaluate --world W --data FOLDER`` prints them all in one table; README.md in this
folder defines every row.

`known_factors` trains peers on `sprites` of which every factor is known and scores them by
`disentanglement`; `style_truth` holds style transfer against what another hand really drew, on
`objects` never trained on. Each is a command of its own.
"""
