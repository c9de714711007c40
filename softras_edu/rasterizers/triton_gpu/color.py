"""From the image's colour back to a face's, in the backward kernel of `triton_gpu/kernels.py`."""
# mypy: ignore-errors
# ruff: noqa: N803, RUF005

import triton
import triton.language as tl

from .load import load_colors
from .pair import plus
from .texture import (
    add_to_texels,
    blend,
    blend_backward,
    fetch_texels,
    find_texels,
    find_texels_backward,
)


@triton.jit
def color_backward(
    share,  # of the face in each pixel's color: its softmax weight over the sum of all
    u,
    d_c,  # so far, by lane: for each channel those of the corners' colours c0, c1, c2
    d_across,  # so far, by lane: of the corners' places on the texture
    d_up,
    image,  # of this image, (H W, C + 1), as the next
    d_image,
    pixel,
    colors_ptr,
    uv_ptr,
    texels_ptr,
    where_ptr,
    d_texels_ptr,
    face,
    group,
    C: tl.constexpr,
    CHANNELS: tl.constexpr,
    TEXTURE: tl.constexpr,
):
    """color -> log_weight, u; and the corners' colours, added to d_c.

    color = sum of share_j C_j and C_j = sum of u_k c_k. With respect to C_j its derivative is
    share_j, with respect to log_weight_j that of a softmax, share_j (C_j - color). With a texture
    C_j is that sum times the texture's colour, and the derivative of each is the other.
    """
    d_log_weight = tl.zeros_like(share)
    d_u = (d_log_weight, d_log_weight, d_log_weight)
    if TEXTURE > 0:
        at, right, down = find_texels(u, uv_ptr, where_ptr, face)
        d_right, d_down = tl.zeros_like(share), tl.zeros_like(share)
    new_d_c = ()
    for k in tl.static_range(CHANNELS):
        c = group * CHANNELS + k
        c0, c1, c2 = load_colors(colors_ptr, face, c, C)
        color = tl.load(image + pixel * (C + 1) + c, c < C, other=0.0)
        d_color = tl.load(d_image + pixel * (C + 1) + c, c < C, other=0.0)
        d_face_color = share * d_color
        face_color = u[0] * c0 + u[1] * c1 + u[2] * c2
        if TEXTURE > 0:
            texel = fetch_texels(texels_ptr, at, c, C)
            texture = blend(texel, right, down)
            d_texture = d_face_color * face_color
            by_right, by_down = blend_backward(d_texture, texel, right, down)
            d_right += by_right
            d_down += by_down
            if TEXTURE > 1:
                add_to_texels(d_texels_ptr, d_texture, at, right, down, share, c, C)
            d_log_weight += d_face_color * (face_color * texture - color)
            d_face_color *= texture
        else:
            d_log_weight += d_face_color * (face_color - color)
        d_u = plus(d_u, (c0, c1, c2), d_face_color)
        new_d_c = new_d_c + (plus(d_c[k], u, d_face_color),)
    if TEXTURE > 0:
        d_u, d_across, d_up = find_texels_backward(
            d_right, d_down, u, d_u, d_across, d_up, uv_ptr, where_ptr, face
        )
    return d_log_weight, d_u, new_d_c, d_across, d_up


@triton.jit
def store_colors(out, d_c, group, C: tl.constexpr, CHANNELS: tl.constexpr):
    """The same for the colours of the three corners, channel by channel."""
    for m in tl.static_range(CHANNELS):
        c = group * CHANNELS + m
        for k in tl.static_range(3):
            tl.store(out + k * C + c, tl.sum(d_c[m][k]), c < C)
