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
    "style_note": "texture, palette, edge",
    "surface": "Surface",
    "surface_note": "how much the medium shows",
    "form": "Form",
    "form_note": "what it is, and how it sits",
    "more": "{count} more",
    "seed": "Seed",
    "surprise": "Surprise me",
    "upload": "Start from a picture",
    "reset_all": "Reset sliders",
    "reset": "Reset {name}",
    "hold": "Hold the rest",
    "hold_note": "one measure moves, the others stay as far as they can",
    "hold_measures": "Measuring this picture",
    "hold_failed": "This picture could not be measured just now: the slider moved without "
    "holding the rest.",
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
    "still_moved": "Your sliders stay where they are, and move this picture too. "
    "Reset sliders shows it as it came.",
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
    "detail": "Keep its own detail",
    "detail_note": "your picture stays; sliders change it",
    "own_size": "Save {width} × {height}",
    "own_size_note": "Your picture with all its {width} × {height} pixels, changed as shown",
    "detail_carried": "Links and saved recipes then carry your picture itself",
    "drawings": "Your drawings",
    "drawings_note": "start from one of those it learned from",
    "drawings_more": "More",
    "no_drawing": "This drawing is not here any more.",
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
    "keep": "Keep the recipe in the file: dropped on this page, it brings this picture back, "
    "sliders and all",
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
    "copied_small": "Link copied: it opens this picture as small as the world sees it; your file "
    "itself stays here.",
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
SURFACE_NAMES = {"grain strength": "Grain strength"}

# What was measured about a slider, shown while it is pointed at or has the keyboard.
EFFECT = {
    "several": "Changes several things at once: drag and see.",
    "grain": "How strong the grain is that the world lays on its pictures: -1 is none, 0 as it was "
    "learned, 1 twice as much. Nothing else changes.",
    "measured": "Measured: one step moves {name} by {gain}, {far}, and follows your hand {sure} "
    "({spearman}). {purity} of what changes is this.",
    "held": "The rest is held. ",
    "held_unknown": "The rest is held as far as it can be; how purely was not measured in this "
    "world. Without holding, {purity} of what changes is this.",
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
