"""Everything the page says, in English: plain tables keyed by use.

How to add words: a key here and the same in ``zh.py``, with the same {placeholders}; a new table
also needs its line in ``__init__.py``. Builders read ``TABLE["key"]`` while they build, handlers
while they answer, nobody when a module is imported: a table speaks the language of whoever asks.
Scripts find a table under ``props.words`` and read a word when they show it; what they have on show
they show again on the event ``vae43:language``.
"""

from __future__ import annotations

# The tabs; "more" is what Gradio calls its menu of those that have no room.
TABS = {
    "create": "Create",
    "train": "Train",
    "more": "More tabs",
}

APP = {
    "language": "Language",
    "password": "Any name will do; the password is the one you were given.",
}

PANELS = {
    "style": "Style",
    "style_note": "surface, palette, edge",
    "form": "Form",
    "form_note": "what it is, and how it sits",
    "more": "{count} more",
    "seed": "Seed",
    "surprise": "Surprise me",
    "upload": "Start from a picture",
    "reset_all": "Reset all",
    "reset": "Reset {name}",
    "save": "Save PNG",
}

# What the script in the page says; the keys are its own.
PAGE = {
    "picture": "The picture, drawn by the model",
    "waking": "The world is waking up",
    "lost": "The connection is gone. Trying again.",
    "failed": "That could not be done just now. Please try again.",
    "reading": "Reading your picture",
    "saving": "Drawing your PNG",
    "gathering": "Gathering the colours",
    "drop": "Drop it: start from this picture",
    "large": "This file is larger than {limit} MB. Please use a smaller one.",
    "from_picture": "From {name}",
    "some_picture": "a picture",
    "back_to_seed": "Back to the seed",
    "backgrounds": "Show transparency on",
    "checker": "Checker",
    "white": "White",
    "black": "Black",
    "color": "A colour of your own",
    "match": "Match closer",
    "match_note": "Bring the picture nearer to yours, as near as this world comes in two seconds",
    "match_stop": "Stop",
    "match_going": "{now} away from your picture",
    "matched": "Away from your picture: {before} before, {now} now. Compare and Wipe show both.",
    "match_near": "This is as near as this world comes: {now} away from your picture.",
    "match_stopped": "Stopped; the picture is as it was.",
}

# The filmstrip under a slider.
FILM = {
    "film": "Filmstrip",
    "note": "Under the slider in your hand: small pictures of where it leads",
    "strip": "Where {slider} leads",
    "tile": "{slider} at {place}",
}

# The menu of worlds, and the card of each.
WORLDS = {
    "menu": "Worlds",
    "open": "World: {name}. Another one",
    "card": "Card",
    "card_of": "The card of {name}",
    "close": "Close",
    "no_card": "This world came without a card.",
    "in_alpha": "{size}², with transparency",
    "in_color": "{size}², in colour",
    "in_grey": "{size}², in grey",
    "gone": "The world {name} is not here any more.",
    "changed": "The world {name} has been trained on since. Choose it once more in the menu.",
}

# What is said about the recipe inside a PNG.
RECIPE = {
    "keep": "Keep the recipe in the file: dropped on this page, it brings this exact picture back",
    "keep_short": "with recipe",
    "other_world": "This picture was made in the world {name}, and this is {here}.",
    "other_hash": "This picture was made with another version of the world {name}.",
    "impossible": "The recipe in this file asks for what this world has not got.",
    "pixels": "{reason} It starts from the pixels instead: the nearest this world knows.",
}

# The menu of the other forms a picture can be saved in.
EXPORT = {
    "more": "More ways to save",
    "webp": "WebP",
    "webp_note": "lossless, with alpha",
    "webp_at": "Save WebP at {factor}×",
    "palette": "Palette",
    "palette_note": "its five to eight colours",
    "palette_gpl": "Palette for GIMP, Krita and Inkscape (.gpl)",
    "palette_ase": "Palette for Adobe programs (.ase)",
    "palette_css": "Palette as CSS custom properties (.css)",
    "palette_png": "Palette as a picture to pick from (.png)",
}

# What the page remembers: steps, history, comparing, links.
MEMORY = {
    "undo": "Undo (Ctrl+Z)",
    "redo": "Redo (Ctrl+Shift+Z)",
    "history": "History, newest first",
    "go": "Go to: {picture}",
    "pin": "Keep for good: {picture}",
    "a_seed": "seed {seed}",
    "a_picture": "a picture",
    "moved": "{count} sliders moved",
    "moved_one": "1 slider moved",
    "hold": "Compare",
    "hold_note": "Hold, or hold the key B: the picture you pinned last, or else as it started",
    "wipe": "Wipe",
    "wipe_note": "Before on the left, now on the right, and a line between to drag",
    "wipe_slider": "Line between before and now",
    "a_pinned": "Before: the picture you pinned",
    "a_start": "Before: as it started",
    "a_read": "Before: as it was first read",
    "nothing_before": "This is how it started. Move something, or pin a picture to compare with.",
    "link": "Copy link",
    "link_note": "The address of this very picture",
    "copied": "Link copied: it opens this picture.",
    "not_copied": "Your browser does not let the page copy: take the link from the address bar.",
    "link_damaged": "This link is damaged or incomplete, so it was not opened.",
    "link_other_world": "This link is of the world {name}, and this is {here}. It was not opened.",
    "link_other_version": "This link was made with another version of this world: "
    "the picture may differ.",
    "other_version": "This world has been trained on since: your pictures may look different.",
    "not_drawn": "What was to be opened asks for what this world has not got. It was left out.",
    "full": "Your browser's storage is full: what you do now is lost when you close the page. "
    "Unpin some pictures.",
}

# Variations of the picture, and the field of two sliders.
EXPLORE = {
    "variations": "Variations",
    "variations_note": "The picture in the middle, and eight that are as likely. Click one to go "
    "there; the same corner again goes on the same way.",
    "variation": "Variation {number} of {count}",
    "middle": "The picture itself",
    "variation_name": "a variation",
    "reach": "Reach",
    "again": "Other directions",
    "field": "Two sliders",
    "field_note": "Every place of two sliders at once. Click one to go there.",
    "across": "Across",
    "up": "Upwards",
    "place": "{across} at {x}, {up} at {y}",
    "blend": "Blend",
    "blend_note": "Drag between the pictures. The + at a corner puts the present picture "
    "there: one from the history, a seed, one of your own.",
    "blend_name": "a blend",
    "pad": "Where between the pictures",
    "to_right": "From left to right",
    "to_bottom": "From top to bottom",
    "corner": "Put the present picture at corner {number}",
    "pictures": "Pictures",
    "others": "Other pictures",
    "sheet": "Save sheet",
    "drawing": "Drawing your sheet",
    "variations_file": "variations",
    "field_file": "two-sliders",
}

# More like these: marks on variations, and sliders of the artist's own.
LIKES = {
    "title": "Yours",
    "note": "from what you liked",
    "like": "I like this: {variation}",
    "dislike": "Not this: {variation}",
    "marking": "Mark with + what you like and with − what not: it becomes a slider of your own.",
    "liked": "{count} liked",
    "disliked": "{count} not",
    "both": "{liked}, {disliked}",
    "make": "A slider from these",
    "clear": "Clear marks",
    "numbered": "More like these {number}",
    "carried": "A direction",
    "name": "Name of this slider",
    "keep": "Keep",
    "keep_note": "Keep {name} with your things in this browser",
    "delete": "Delete {name}",
    "deleted": "{name} is deleted.",
    "undo": "Undo",
    "full": "One picture can be moved along {count} of your own sliders at most.",
}

# The list of keys: the titles of its groups, and group to rows of keys and what they do; a space
# parts one way from another.
HELP = {
    "title": "Keys",
    "open": "List of keys",
    "close": "Close",
    "picture": "The picture",
    "slider": "A slider in hand",
    "tiles": "Small pictures: history, filmstrip, variations",
    "anywhere": "Anywhere",
}
KEYS = {
    "picture": (
        ("Ctrl+Z", "Undo"),
        ("Ctrl+Shift+Z Ctrl+Y", "Redo"),
        ("B", "Hold to compare with where it started"),
        ("Ctrl+V", "Start from a copied picture"),
    ),
    "slider": (
        ("← →", "One step"),
        ("PgDn PgUp", "A larger step"),
        ("Home End", "To either end"),
    ),
    "tiles": (
        ("← →", "From one to the next"),
        ("＋ −", "Mark a variation as liked or not"),
        ("Enter", "Go there"),
    ),
    "anywhere": (
        ("Tab", "On to the next control"),
        ("?", "This list"),
        ("Esc", "Close it"),
    ),
}

STYLE_NAMES = {
    "lightness": "Lightness",
    "redness": "Green to red",
    "warmth": "Warmth",
    "lightness_spread": "Light and shade",
    "redness_spread": "Green–red range",
    "warmth_spread": "Warm–cool range",
    "colorfulness": "Colourfulness",
    "palette_variety": "Palette variety",
    "local_contrast": "Local contrast",
    "fineness": "Fineness",
    "coarseness": "Coarseness",
    "directionality": "Grain",
    "angle_cos": "Grain, upright",
    "angle_sin": "Grain, slanted",
    "coverage": "Coverage",
    "edge_softness": "Edge softness",
}

# Sliders of form are named from what they are measured to change; a second one has a number.
FORM_NAMES = {
    "form": "Form",
    "width": "Width",
    "height": "Height",
    "position across": "Position across",
    "position down": "Position down",
    "lean": "Lean",
    "taper": "Taper",
    "light at heart": "Light at heart",
    "light from the side": "Light from the side",
    "light from above": "Light from above",
}

# What was measured about a slider, shown while it is pointed at or has the keyboard.
EFFECT = {
    "several": "Changes several things at once: drag and see.",
    "measured": "Measured: one step moves {name} by {gain}, {far}, and follows your hand {sure} "
    "({spearman}). {purity} of what changes is this.",
    "backwards": "the other way",
    "also": " What else moves most: {names}.",
    "comma": ", ",
    "and": "{first} and {last}",
}
EFFECT_GRADES: dict[str, tuple[tuple[float, str], ...]] = {
    "far": (
        (1.4, "further than it says"),
        (0.7, "as far as it says"),
        (0.3, "less than it says"),
        (0.0, "hardly at all"),
    ),
    "sure": ((0.995, "always"), (0.9, "nearly always"), (0.6, "mostly"), (0.0, "only sometimes")),
}

# Borrowing a look; the keys are those of the panel and its script.
BORROW = {
    "title": "Borrow a look",
    "note": "from a picture of yours",
    "pick": "Choose a reference",
    "drop": "or drop a picture here",
    "other": "Another",
    "remove": "Give the look back",
    "texture": "Texture",
    "palette": "Palette",
    "transparency": "Transparency",
    "opaque": "Transparency: this reference is opaque, so it has none to lend.",
    "exact": "Exact palette, done after the model",
    "chart": "What was measured, and what to keep",
    "own": "your picture",
    "reference": "the reference",
    "usual": "usual in this world",
    "lock": "Keep {name} as it is",
    "place": "{name}: your picture {own}, the reference {reference}, in standard deviations",
    "differs": "It is {list}.",
    "alike": "It measures much as your picture does.",
    "comma": ", ",
    "and": "{first} and {last}",
    "missing": "This world has no such {list}; nearest shown.",
    "withheld": "Its size is taken in part: all of it would make another picture.",
    "unnamed": "A reference",
    "reading": "Measuring your reference",
    "large": "This file is larger than {limit} MB. Please use a smaller one.",
    "invisible": "Nothing in this picture is visible: it is fully transparent.",
}

# The Train tab: drawings in, a world out.
TRAIN = {
    # what it is
    "title": "A world of your own",
    "what": "Drop in ten or more of your drawings, thirty if you can. They are learned on this "
    "machine, and a new world opens with sliders of its own.",
    "promise": "Your pictures never leave this machine. Kept with the world: their fingerprints, "
    "your word that you may use them, and the settings.",
    # pictures in
    "drop": "Drop your drawings here",
    "drop_note": "PNG, JPEG or WebP, a folder, or a ZIP",
    "drop_more": "Drop them: they join the others",
    "files": "Choose files",
    "folder": "Choose a folder",
    "more_files": "Add files",
    "more_folder": "Add a folder",
    "start_over": "Start over",
    "start_over_sure": "Take all of these pictures off the table?",
    "sending": "Taking in {done} of {total}",
    "looking": "Looking at {done} of {total}",
    "kept": "{kept} of {total} will be learned from",
    "kept_all": "All {total} will be learned from",
    "few": "{least} at least are needed, so {missing} more.",
    "out": "{count} left out, and why",
    "out_one": "1 left out, and why",
    "sheet": "The pictures that will be learned from; press one to leave it out",
    "leave_out": "Leave out {name}",
    "left_out": "You left it out.",
    "take_back": "Take back",
    "content": "{name} looked at what they show.",
    "no_content": "Not screened for content: nobody has looked at what they show.",
    # what goes wrong on the way in
    "foreign": "This is not a PNG, JPEG, WebP or ZIP file.",
    "large": "This file is larger than {limit} MB.",
    "empty": "This file is empty.",
    "many": "{limit} files are the most that fit on the table.",
    "full": "More than {limit} MB do not fit on the table.",
    "crowded": "Too many people are laying out pictures just now. Please try again later.",
    "torn": "{name} arrived in pieces that do not fit. Please add it again.",
    "lost_batch": "These pictures are no longer here. Please add them again.",
    "nothing": "Please add some drawings first.",
    "unread": "This file could not be sent.",
    "still_looking": "These pictures are being looked at. A moment, please.",
    "no_preview": "This picture cannot be shown.",
    # how they are prepared
    "prepare": "Prepare",
    "crop": "Crop",
    "none": "As it is",
    "fit": "To the drawing",
    "centre": "Middle square",
    "paper": "Take the paper away",
    "paper_note": "for scans and photos of work on paper; soft shadows stay",
    "before": "Before",
    "after": "After",
    # how it is learned
    "name": "Name",
    "name_hint": "My world",
    "length": "How far",
    "taste": "A quick taste",
    "taste_note": "about a minute, from the world {world}",
    "proper": "A proper world",
    "proper_note": "{minutes}, from the world {world}",
    "scratch": "From scratch",
    "scratch_note": "{minutes}, from nothing but your pictures; better with hundreds",
    "advanced": "Advanced",
    "start": "Start from",
    "minutes": "Minutes",
    "batch_size": "Pictures a step",
    "lr": "Learning rate",
    "augment": "Variety",
    "augment_none": "as they are",
    "augment_flip": "mirrored",
    "augment_affine": "mirrored, shifted, turned",
    "seed": "Seed",
    "usual": "usual",
    "out_of_range": "{name} must be a number from {low} to {high}.",
    "consent": "These pictures are mine, or I may use them for this.",
    "consent_note": "Recorded with the date and the fingerprints of the pictures.",
    "consent_needed": "Please say that you may use these pictures.",
    "name_needed": "Please give the world a name.",
    "few_needed": "{least} pictures at least are needed, and {kept} can be used so far.",
    "trying": "Trying three steps to see what it will cost",
    "costs": "It will take {time} on {device}, {memory} of memory, at {rate} pictures a second.",
    "cost_later": "What it will cost is tried out once the run before it is over.",
    "trying_another": "Another estimate is being made. A moment, please.",
    "device_cpu": "the processor",
    "device_cuda": "the graphics card",
    "device_mps": "the graphics chip",
    "train": "Train",
    "queue_up": "Train after the one before",
    "starting": "Laying out the pictures",
    # a run as it is watched
    "new": "New world",
    "runs": "Worlds in training",
    "state_queued": "waiting, place {place}",
    "state_preparing": "being prepared",
    "state_training": "in training",
    "state_percent": "in training, {percent} %",
    "state_paused": "paused",
    "state_stopping": "stopping",
    "state_finishing": "measuring its sliders",
    "state_done": "ready",
    "state_stopped": "stopped",
    "state_failed": "failed",
    "step": "step {step}",
    "rate": "{rate} pictures a second",
    "left": "{time} left",
    "best": "best at step {step}",
    "queue_note": "One world is trained at a time. This one begins by itself.",
    "pause": "Pause",
    "resume": "Go on",
    "retry": "Try again",
    "save": "Save now",
    "save_done": "Saved.",
    "stop": "Stop and keep",
    "leave_queue": "Leave the queue",
    "extend": "More time",
    "extend_by": "{minutes} more",
    "progress": "How far it is",
    # pictures through time
    "drawings": "Your drawings, drawn again",
    "inventions": "What it invents, from nine fixed seeds",
    "originals": "Originals",
    "at_start": "At the start",
    "at_step": "Step {step}",
    "time": "Back through time",
    "play": "Play",
    "stop_playing": "Stop",
    "newest": "Newest",
    "no_pictures": "The first pictures are on their way.",
    "board_original": "Nine of your drawings",
    "board_drawn": "The same nine, drawn by the model at step {step}",
    "board_new": "Nine inventions of the model at step {step}",
    # curves
    "curves": "Curves",
    "total": "Total",
    "reconstruction": "Reconstruction",
    "kl_z": "KL, content",
    "kl_key": "KL, style",
    "adversarial": "Judge",
    "loop": "Closed loop",
    "seen": "training",
    "held_out": "held out",
    "log": "Logarithmic",
    "smooth": "Smoothing",
    "csv": "Save CSV",
    "no_judge": "no judge",
    "no_values": "not yet",
    "chart": "from {first} to {last} at step {step}",
    "chart_at": "step {step}: {seen}",
    "chart_held": ", held out {held}",
    # the mirror
    "mirror": "Does it copy?",
    "mirror_note": "Beside each invention, the drawing of yours that is nearest. "
    "1 would be the same picture.",
    "mirror_later": "This can be told once the world is ready.",
    "mirror_reading": "Comparing with your drawings",
    "mirror_score": "{score} on average, of all that were looked at.",
    "mirror_pair": "An invention and the nearest of your drawings: {number}",
    # worlds of one's own
    "open": "Open your world",
    "open_it": "Open",
    "download": "Download ZIP",
    "load": "Load a world from a ZIP",
    "packing": "Packing, {done} %",
    "loading": "Reading, {done} %",
    "loaded": "{name} is in the menu now.",
    "deleted": "{name} is deleted.",
    "delete": "Delete",
    "delete_sure": "Delete the world {name} for good? This cannot be undone.",
    "forget": "Take off the list",
    "forget_sure": "Take the run {name} off the list? Its curves and pictures are deleted; "
    "its world stays.",
    "yes_delete": "Delete for good",
    "yes_remove": "Take off",
    "no": "No, keep",
    "own": "Your worlds",
    "own_none": "None yet.",
    "no_world": "There is no world of this name here.",
    # time and size
    "seconds": "{n} s",
    "minutes_of": "{n} min",
    "hours_of": "{n} h",
    "about": "about {time}",
    "gigabytes": "{n} GB",
    "megabytes": "{n} MB",
    "failed": "That could not be done just now. Please try again.",
}

# What a reference is called that has less or more of an attribute, and what a world then lacks.
BORROW_WORDS = {
    "lightness": ("darker", "lighter", "dark", "light"),
    "redness": ("greener", "redder", "green", "red"),
    "warmth": ("cooler", "warmer", "blue", "yellow"),
    "lightness_spread": ("flatter in light", "deeper in shade", "even light", "light and shade"),
    "redness_spread": (
        *("closer in hue", "wider from green to red"),
        *("closeness of hue", "reds by greens"),
    ),
    "warmth_spread": ("even in warmth", "wider from warm to cool", "even warmth", "warm by cool"),
    "colorfulness": ("greyer", "more colourful", "grey", "strong colour"),
    "palette_variety": ("of fewer colours", "of more colours", "small palette", "rich palette"),
    "local_contrast": ("smoother", "rougher", "smooth surface", "rough surface"),
    "fineness": ("softer in detail", "finer in detail", "soft detail", "fine detail"),
    "coarseness": ("finer in pattern", "coarser", "small pattern", "large pattern"),
    "directionality": ("less grained", "more grained", "surface without grain", "grain"),
    "angle_cos": ("grained across", "grained upright", "grain across", "upright grain"),
    "angle_sin": ("slanted one way", "slanted the other way", "slant", "slant"),
    "coverage": ("smaller in its frame", "larger in its frame", "small shape", "large shape"),
    "edge_softness": ("harder at the edges", "softer at the edges", "hard edge", "soft edge"),
}  # fmt: skip

# What an error becomes, by its kind; {message} is the sentence it was raised with.
ERRORS = {
    "image": "{message}",
    "shape": "The page asked for a picture that this world cannot draw. Please reload it.",
    "world": "This world cannot be used: {message}",
    "config": "The page asked for something this world cannot give: {message}.",
    "other": "{message}",
    "stop": ".",
    "unforeseen": "Something went wrong while drawing. The server's log says what.",
}
