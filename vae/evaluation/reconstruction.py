"""How close what comes back is to what went in: PSNR, MS-SSIM, alpha error, a linear baseline.

The headline is the *set-level* PSNR over all channels of premultiplied images,
``10 log10(1 / mean squared error over the whole set)``, as it adds up: twice the error is 3 dB
whichever picture it is in. The mean of every image's own PSNR is printed beside it; it is the
larger of the two (Jensen), and papers quote either.

Premultiplied, as the colour under a transparent pixel is nobody's business. PSNR on black,
white and checker says what an eye sees on each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vae.errors import ShapeError
from vae.evaluation.rows import as_floats
from vae.losses import premultiply

CHECKER_SQUARES = 16  # along a side
CHECKER_GREYS = (0.6, 0.8)
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""How much each scale counts in MS-SSIM, finest first: Wang et al. (2003), section 3.2."""
SSIM_WINDOW = 11  # pixels


@dataclass(frozen=True, kw_only=True)
class ReconstructionScores:
    """Averages over a set of images.

    Attributes:
        num_images: Size of the set.
        mse: Mean squared error of premultiplied images in [0, 1], all channels.
        psnr: The headline: ``10 log10(1 / mse)``, dB.
        psnr_of_images: Mean of every image's own PSNR, dB.
        alpha_mae: Mean absolute error of alpha; 0 where there is none.
        psnr_on: Set-level PSNR of the RGB composites on "black", "white" and "checker", dB.
    """

    num_images: int
    mse: float
    psnr: float
    psnr_of_images: float
    alpha_mae: float
    psnr_on: dict[str, float]


def score_reconstruction(
    images: Tensor, reconstructions: Tensor, *, chunk_size: int = 64
) -> ReconstructionScores:
    """Return the scores of `reconstructions` of `images`.

    Args:
        images: (N, C, H, W) straight images in [0, 1] or uint8; C is 1, 3 or 4.
        reconstructions: The same shape.
        chunk_size: Images in float at one time.

    Raises:
        ShapeError: The two differ in shape, or are empty.
    """
    _check_pair(images, reconstructions)
    errors: list[Tensor] = []  # (n, 5) a chunk: premultiplied, black, white, checker; alpha MAE
    pairs = zip(images.split(chunk_size), reconstructions.split(chunk_size), strict=True)
    for x, x_hat in pairs:
        errors.append(_errors_of_images(as_floats(x), as_floats(x_hat)))
    table = torch.cat(errors)
    mean = table.mean(dim=0).tolist()
    return ReconstructionScores(
        num_images=len(table),
        mse=mean[0],
        psnr=psnr(mean[0]),
        psnr_of_images=float(np.mean([psnr(value) for value in table[:, 0].tolist()])),
        alpha_mae=mean[4],
        psnr_on={name: psnr(mean[1 + i]) for i, name in enumerate(("black", "white", "checker"))},
    )


def psnr(mse: float) -> float:
    """Return the peak signal-to-noise ratio of a squared error of values in [0, 1], in dB.

    No error at all is given as 100 dB, so that averages and JSON stay finite.
    """
    return float(-10.0 * np.log10(max(mse, 1e-10)))


def ms_ssim(images: Tensor, reconstructions: Tensor, *, chunk_size: int = 64) -> float:
    """Return the mean multi-scale structural similarity of premultiplied images, at most 1.

    Wang, Simoncelli & Bovik (2003). The five scales of the paper need 176 pixels: smaller
    pictures have as many as leave its window of 11 pixels room, the weights made to add up to 1.
    Scales on which structures are opposed count as 0.

    Args:
        images: (N, C, H, W) straight images in [0, 1] or uint8; C is 1, 3 or 4.
        reconstructions: The same shape.
        chunk_size: Images in float at one time.

    Raises:
        ShapeError: The two differ in shape, are empty, or have a side under 11 pixels.
    """
    from torchmetrics.functional.image import (  # late: seconds to import
        multiscale_structural_similarity_index_measure as similarity,
    )

    _check_pair(images, reconstructions)
    weights = scale_weights(min(images.shape[-2:]))
    total = 0.0
    pairs = zip(images.split(chunk_size), reconstructions.split(chunk_size), strict=True)
    for x, x_hat in pairs:
        views = (premultiply(as_floats(x_hat)), premultiply(as_floats(x)))
        each = similarity(*views, data_range=1.0, betas=weights, reduction="none", normalize="relu")
        total += float(each.double().sum())
    return total / len(images)


def scale_weights(side: int) -> tuple[float, ...]:
    """Return the weights of the scales that a picture of `side` pixels has room for.

    Raises:
        ShapeError: There is room for none.
    """
    some = [w for i, w in enumerate(SCALE_WEIGHTS) if side >> i >= SSIM_WINDOW]
    if not some:
        raise ShapeError(f"expected a side of {SSIM_WINDOW} pixels or more, found {side}")
    return tuple(w / sum(some) for w in some)


def composite(images: Tensor, background: Tensor | float) -> Tensor:
    """Return straight images (N, C, H, W) laid over a grey value or a picture (…, H, W)."""
    if images.shape[1] != 4:
        return images
    alpha = images[:, 3:]
    return images[:, :3] * alpha + background * (1.0 - alpha)


def checker(height: int, width: int) -> Tensor:
    """Return the (H, W) grey checker of the transparency view."""
    row = torch.arange(height)[:, None] * CHECKER_SQUARES // height
    column = torch.arange(width)[None, :] * CHECKER_SQUARES // width
    light, dark = CHECKER_GREYS[1], CHECKER_GREYS[0]
    return torch.where((row + column) % 2 == 0, light, dark)


def pca_baseline(train: Tensor, validation: Tensor, *, num_components: int = 60) -> float:
    """Return the set-level PSNR, in dB, of `validation` through a PCA fitted on `train`.

    The line a non-linear model of as many latents has to beat. Reconstructions are clipped to
    [0, 1], as a model's are.

    Args:
        train: (M, C, H, W) straight images in [0, 1] or uint8.
        validation: (N, C, H, W).
        num_components: Number of components.
    """
    from sklearn.decomposition import PCA  # late: a second to import

    pca = PCA(num_components, svd_solver="randomized", copy=False, random_state=0)
    pca.fit(_rows(train))
    total = 0.0
    for some in validation.split(256):
        rows = _rows(some)
        back = pca.inverse_transform(pca.transform(rows.copy())).clip(0.0, 1.0)
        total += float(((back - rows) ** 2).mean(dtype=np.float64)) * len(rows)
    return psnr(total / len(validation))


def bits_of_latents(means: Tensor, logvars: Tensor) -> Tensor:
    """Return how many bits each latent can say of a picture, (D,): of a Gaussian channel.

    ½ log2(1 + variance of its means / mean of its variances), Cover & Thomas (2006), section 9.1.
    A latent whose noise is as wide as its means are spread says half a bit: the decoder has
    learned nothing from it.

    Args:
        means: Posterior means of pictures, (N, D), N of 2 or more.
        logvars: Natural logarithms of posterior variances, (N, D).
    """
    signal = means.double().var(0, correction=0)
    return 0.5 * torch.log2(1 + signal / logvars.double().exp().mean(0))


def _errors_of_images(x: Tensor, x_hat: Tensor) -> Tensor:
    """Return (n, 5) per image: squared errors premultiplied, on three backgrounds; alpha MAE."""
    squares = checker(*x.shape[-2:]).to(x)
    views = [
        (premultiply(x), premultiply(x_hat)),
        *((composite(x, b), composite(x_hat, b)) for b in (0.0, 1.0, squares)),
    ]
    columns = [(a.double() - b.double()).square().mean(dim=(1, 2, 3)) for a, b in views]
    has_alpha = x.shape[1] == 4
    alpha = (x[:, 3:] - x_hat[:, 3:]).abs().double().mean(dim=(1, 2, 3)) if has_alpha else None
    columns.append(torch.zeros_like(columns[0]) if alpha is None else alpha)
    return torch.stack(columns, dim=1)


def _rows(images: Tensor) -> np.ndarray:
    """Return (N, C·H·W) premultiplied float32, filled in place: at 128² this is gigabytes."""
    rows = np.empty((len(images), images[0].numel()), dtype=np.float32)
    for start in range(0, len(images), 256):
        some = premultiply(as_floats(images[start : start + 256]))
        rows[start : start + len(some)] = some.flatten(1).cpu().numpy()
    return rows


def _check_pair(images: Tensor, reconstructions: Tensor) -> None:
    if images.ndim != 4 or images.shape != reconstructions.shape or len(images) == 0:
        raise ShapeError(
            "expected images and reconstructions of one shape (N, C, H, W), found "
            f"{tuple(images.shape)} and {tuple(reconstructions.shape)}; pass them as they pair."
        )
