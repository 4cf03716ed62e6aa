"""The three promises, and quality, measured with code the training never sees.

One question a module: `swd` (is it as sharp as the data), `reconstruction` (how close is what
comes back), `measures` (the sixteen attributes by an independent hand), `sliders` (does a slider
do one thing), `speed` (how long a frame takes) and `overhead` (what the trainer itself costs).
``python -m vae.evaluation --world W --data FOLDER`` prints them all in one table.

`known_factors` trains peers on `sprites` of which every factor is known and scores them by
`disentanglement`; `style_truth` holds style transfer against what another hand really drew, on
`objects` never trained on. Each is a command of its own.
"""
