"""What the launches of rung 5 say of a texture."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...texture import FlatTexture


def given(
    texture: FlatTexture | None, triangles: Tensor, texels_wanted: bool = False
) -> dict[str, Any]:
    """Arguments of both kernels. Without a texture nobody reads what the addresses are of."""
    if texture is None:
        return {"uv_ptr": triangles, "texels_ptr": triangles, "where_ptr": triangles, "TEXTURE": 0}
    names = {f"{name}_ptr": x for name, x in texture._asdict().items()}
    return {**names, "TEXTURE": 2 if texels_wanted else 1}


def outputs(
    texture: FlatTexture | None, groups: int, stripes: int, texels_wanted: bool
) -> tuple[Tensor | None, Tensor | None]:
    """Room for the derivatives of uv, (groups, stripes, B, F, 3, 2), and of texels, (T, C), or None
    where there are none.
    """
    if texture is None:
        return None, None
    d_uv = texture.uv.new_empty(groups, stripes, *texture.uv.shape)
    return d_uv, torch.zeros_like(texture.texels) if texels_wanted else None
