"""The first kernels of notebook 09, as the library writes them.

They are plain functions here. A notebook whose reader has not written one yet borrows it: marked
with its own `triton.jit`, beside its own `tl`, `center`, `log_outside_of` and `pixels_of`.
"""
# ruff: noqa: F821, N803
# mypy: ignore-errors

from __future__ import annotations


def pixel_kernel(triangles_ptr, alpha_ptr, inv_sigma, faces, height, width):
    pixel = tl.program_id(0)
    x, y = center(pixel // width, pixel % width, height, width, triangles_ptr.dtype.element_ty)
    log_product = 0.0 * x
    for face in range(faces):
        log_product += log_outside_of(x, y, triangles_ptr, face, inv_sigma)
    tl.store(alpha_ptr + pixel, 1.0 - tl.exp(log_product))  # alpha = 1 - prod(1 - D)


def block_kernel(triangles_ptr, alpha_ptr, inv_sigma, faces, height, width, BLOCK: tl.constexpr):
    pixel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)  # was: tl.program_id(0)
    x, y = center(pixel // width, pixel % width, height, width, triangles_ptr.dtype.element_ty)
    log_product = 0.0 * x
    for face in range(faces):
        log_product += log_outside_of(x, y, triangles_ptr, face, inv_sigma)
    tl.store(alpha_ptr + pixel, 1.0 - tl.exp(log_product))


def masked_kernel(triangles_ptr, alpha_ptr, inv_sigma, faces, height, width, BLOCK: tl.constexpr):
    pixel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x, y = center(pixel // width, pixel % width, height, width, triangles_ptr.dtype.element_ty)
    log_product = 0.0 * x
    for face in range(faces):
        log_product += log_outside_of(x, y, triangles_ptr, face, inv_sigma)
    tl.store(alpha_ptr + pixel, 1.0 - tl.exp(log_product), pixel < height * width)  # the mask


def listed_kernel(
    triangles_ptr, alpha_ptr, starts_ptr, faces_ptr, inv_sigma, height, width, columns,
    TILE: tl.constexpr,
):  # fmt: skip
    tile = tl.program_id(0)
    i, j, in_image = pixels_of(tile, tl.arange(0, TILE * TILE), height, width, columns, TILE)
    x, y = center(i, j, height, width, triangles_ptr.dtype.element_ty)
    log_product = 0.0 * x
    for entry in range(tl.load(starts_ptr + tile), tl.load(starts_ptr + tile + 1)):
        face = tl.load(faces_ptr + entry)
        log_product += log_outside_of(x, y, triangles_ptr, face, inv_sigma)
    tl.store(alpha_ptr + i * width + j, 1.0 - tl.exp(log_product), in_image)
