"""The convolution of the encoders, fast where the platform is not fast by itself.

On a GPU or TPU `conv` is `lax.conv_general_dilated`. On a CPU its derivatives are written out:

* XLA's CPU compiler brings convolutions into the layout of its fast kernels (batch and feature
  outermost and innermost) only in the entry computation. The derivatives that JAX makes have other
  layouts, so inside `lax.cond` or `lax.scan` they fall to a naive loop, 7 to 22 times slower.
  Here every derivative is a convolution in NHWC / HWIO / NHWC between explicit transposes.
* A weight gradient with few channels is summed over slices of the batch (24.6 -> 18.1 ms), but
  where several devices share the batch: each slice would have to be sent around.
* An input gradient whose kernel is a multiple of its stride is a convolution over blocks of
  stride x stride pixels, without the zeros between rows (14.5 -> 8.9 ms).
* A stride-1 input gradient is one matrix product and shifted sums (8.5 -> 6.4 ms).

Figures: NatureCNN at batch 256 on two cores, each layer alone; BUILD_NOTES.md has the whole update.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

Array = jax.Array

_LAYOUT = ("NHWC", "HWIO", "NHWC")
_SLICES = 8
_FEW_CHANNELS = 8  # input channels up to which slices of the batch pay


def compiler_options() -> dict[str, Any] | None:
    """Options for `jax.jit`: on a CPU, keep convolutions away from a 3.3 times slower library."""
    if jax.default_backend() != "cpu":
        return None
    return {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT"}


def conv(x: Array, kernel: Array, stride: int) -> Array:
    """VALID convolution: x (N, H, W, C), kernel (kh, kw, C, O), the same stride on both axes.

    Returns (N, (H - kh) // stride + 1, (W - kw) // stride + 1, O). Reverse mode only on a CPU.
    """
    if jax.default_backend() == "cpu":
        return _conv(x, kernel, stride)
    return plain_conv(x, kernel, stride)


def plain_conv(x: Array, kernel: Array, stride: int) -> Array:
    """The same convolution as XLA has it, derivatives by JAX."""
    return _canonical(x, kernel, strides=(stride, stride))


def _canonical(
    x: Array,
    kernel: Array,
    strides: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
    x_dilation: tuple[int, int] = (1, 1),
    kernel_dilation: tuple[int, int] = (1, 1),
) -> Array:
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=strides,
        padding=[(size, size) for size in padding],
        lhs_dilation=x_dilation,
        rhs_dilation=kernel_dilation,
        dimension_numbers=_LAYOUT,
    )


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _conv(x: Array, kernel: Array, stride: int) -> Array:
    return plain_conv(x, kernel, stride)


def _forward(x: Array, kernel: Array, stride: int) -> tuple[Array, tuple[Array, Array]]:
    return plain_conv(x, kernel, stride), (x, kernel)


def _backward(stride: int, saved: tuple[Array, Array], dy: Array) -> tuple[Array, Array]:
    x, kernel = saved
    height = (dy.shape[1] - 1) * stride + kernel.shape[0]  # rows and columns that windows reach
    width = (dy.shape[2] - 1) * stride + kernel.shape[1]
    dx = _input_gradient(dy, kernel, stride)
    rest = ((0, 0), (0, x.shape[1] - height), (0, x.shape[2] - width), (0, 0))
    return jnp.pad(dx, rest), _weight_gradient(x[:, :height, :width], dy, stride)


_conv.defvjp(_forward, _backward)


def _weight_gradient(x: Array, dy: Array, stride: int) -> Array:
    """(kh, kw, C, O) from x (N, H, W, C) without unread rows and dy (N, OH, OW, O)."""
    batch = x.shape[0]
    sliced = batch % _SLICES == 0 and batch > _SLICES and jax.device_count() == 1
    if x.shape[3] <= _FEW_CHANNELS and sliced:
        size = batch // _SLICES
        parts = [
            _weight_gradient_slice(x[i : i + size], dy[i : i + size], stride)
            for i in range(0, batch, size)
        ]
        return sum(parts[1:], parts[0])
    return _weight_gradient_slice(x, dy, stride)


def _weight_gradient_slice(x: Array, dy: Array, stride: int) -> Array:
    swapped = jnp.transpose(x, (3, 1, 2, 0))  # channels as batch, batch as channels
    kernel = jnp.transpose(dy, (1, 2, 0, 3))
    out = _canonical(swapped, kernel, kernel_dilation=(stride, stride))
    return jnp.transpose(out, (1, 2, 0, 3))


def _input_gradient(dy: Array, kernel: Array, stride: int) -> Array:
    """(N, (OH - 1) stride + kh, (OW - 1) stride + kw, C) from dy (N, OH, OW, O)."""
    rows, columns, _, _ = kernel.shape
    if stride == 1:
        return _input_gradient_matmul(dy, kernel)
    if rows % stride == 0 and columns % stride == 0:
        return _input_gradient_blocks(dy, kernel, stride)
    flipped = jnp.transpose(kernel[::-1, ::-1], (0, 1, 3, 2))
    return _canonical(dy, flipped, padding=(rows - 1, columns - 1), x_dilation=(stride, stride))


def _input_gradient_matmul(dy: Array, kernel: Array) -> Array:
    """Stride 1: every output pixel's contribution to its window, then the windows' shifted sum."""
    rows, columns, channels, outputs = kernel.shape
    batch, height, width, _ = dy.shape
    flat = jnp.transpose(kernel, (3, 0, 1, 2)).reshape(outputs, -1)
    windows = dy.reshape(-1, outputs) @ flat
    windows = windows.reshape(batch, height, width, rows, columns, channels)
    total = jnp.zeros((batch, height + rows - 1, width + columns - 1, channels), dy.dtype)
    for i in range(rows):
        for j in range(columns):
            shift = ((0, 0), (i, rows - 1 - i), (j, columns - 1 - j), (0, 0))
            total = total + jnp.pad(windows[:, :, :, i, j], shift)
    return total


def _input_gradient_blocks(dy: Array, kernel: Array, stride: int) -> Array:
    """Kernel a multiple of the stride: a stride-1 convolution whose outputs are whole blocks."""
    rows, columns, channels, outputs = kernel.shape
    down, across = rows // stride, columns // stride
    blocks = kernel.reshape(down, stride, across, stride, channels, outputs)[::-1, :, ::-1]
    blocks = jnp.transpose(blocks, (0, 2, 5, 1, 3, 4)).reshape(down, across, outputs, -1)
    out = _canonical(dy, blocks, padding=(down - 1, across - 1))
    batch, height, width, _ = out.shape
    out = out.reshape(batch, height, width, stride, stride, channels)
    out = jnp.transpose(out, (0, 1, 3, 2, 4, 5))
    return out.reshape(batch, height * stride, width * stride, channels)
