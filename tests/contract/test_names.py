"""Every public name is where the design says, and importing the package costs nothing."""

import importlib
import inspect
import subprocess
import sys

import pytest

import vae

PUBLIC = [
    "vae.Encoder",
    "vae.Decoder",
    "vae.IvAE",
    "vae.Discriminator",
    "vae.create_encoder",
    "vae.create_decoder",
    "vae.create_43_vae",
    "vae.losses.QuadraticHypoLoss",
    "vae.encodings.ATTRIBUTES",
    "vae.encodings.measure",
    "vae.distributions.ConditionalPrior",
    "vae.distributions.kl_divergence",
    "vae.infer.get_infer_model",
    "vae.infer.World",
    "vae.infer.Latents",
    "vae.protocols.get_protocol",
    "vae.tracker.Tracker",
    "vae.renderer.Renderer",
    "vae.plots.plot_latent_trajectories",
    "vae.scene_diagnostics.plot_diagnostics",
    "vae.utils.log_timestamp",
    "vae.screening.screen",
    "vae.screening.Manifest",
    "vae.sliders.Slider",
    "vae.trainer.Trainer",
    "vae.data.load_split",
    "vae.errors.VAEError",
]


@pytest.mark.parametrize("name", PUBLIC)
def test_it_is_where_the_design_says_and_is_described(name):
    home, _, last = name.rpartition(".")
    found = getattr(importlib.import_module(home), last)
    if inspect.isclass(found) or inspect.isroutine(found):
        assert inspect.getdoc(found)


@pytest.mark.parametrize("name", PUBLIC)
def test_it_can_be_reached_from_the_package_alone(name):
    found = vae
    for part in name.split(".")[1:]:
        found = getattr(found, part)
    assert found is not None


def test_the_package_lists_its_names():
    assert set(vae.__all__) <= set(dir(vae))
    with pytest.raises(AttributeError, match="module 'vae' has no attribute 'sparkle'"):
        vae.sparkle  # noqa: B018


def test_importing_the_package_imports_no_torch_and_no_gradio():
    code = "import sys, vae; print(sorted({'torch', 'gradio', 'PIL'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_error_is_one_of_the_tree():
    errors = [e for _, e in inspect.getmembers(vae.errors, inspect.isclass)]
    assert len(errors) == 7
    assert all(issubclass(e, vae.errors.VAEError) for e in errors)
    assert all(e.__doc__ for e in errors)
    tree = vae.errors.__doc__
    assert tree is not None
    assert all(e.__name__ in tree for e in errors)
