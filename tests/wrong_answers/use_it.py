"""What students hand in for the exercises of notebooks 11 to 17, and what each must be told.

Exercise -> the body of its function -> words of the message.
"""

# ruff: noqa: E501

MODULES = (
    "use_pipeline", "use_shape", "use_pose", "use_body", "use_reconstruction", "use_softness",
    "use_shading",
)  # fmt: skip

_TEXEL = """h, w = image.shape[:2]
column, row = u * w - 0.5, (1 - v) * h - 0.5
j, i = column.floor(), row.floor()
right, down = (column - j)[..., None], (row - i)[..., None]
def texel(i, j): return image[i.long().clamp(0, h - 1), j.long().clamp(0, w - 1)]
upper = texel(i, j) * (1 - right) + texel(i, j + 1) * right
lower = texel(i + 1, j) * (1 - right) + texel(i + 1, j + 1) * right
return upper * (1 - down) + lower * down"""
_FOLD = """along = (b - a) / (b - a).norm()
u = c - a - ((c - a) @ along) * along
v = d - a - ((d - a) @ along) * along
cos = (u @ v) / (u.norm() * v.norm())
return (cos + 1) ** 2"""
_TURN = """angle = v.norm()
x, y, z = v / angle.clamp_min(1e-12)
o = 0 * x
k = torch.stack([o, -z, y, z, o, -x, -y, x, o]).view(3, 3)
return torch.eye(3, dtype=v.dtype) + angle.sin() * k + (1 - angle.cos()) * k @ k"""
_SLOPE = """a = grad @ rotation.T
return torch.stack([a[2, 1] - a[1, 2], a[0, 2] - a[2, 0], a[1, 0] - a[0, 1]])"""
_SKIN = """blended = (weights @ transforms.flatten(1)).reshape(-1, 3, 4)
return (blended[..., :3] @ verts[..., None])[..., 0] + blended[..., 3]"""
_CARVE = """size = masks.shape[1]
column = ((xy[..., 0] + 1) * size / 2).long()
row = ((1 - xy[..., 1]) * size / 2).long()
return masks[torch.arange(len(masks))[:, None], row, column].all(0)"""

WRONG = {
    # ------------------------------------------------------------ 11 Cameras, lights, textures
    "on_screen": {
        "return point[..., :2] / (point[..., 2:] * math.tan(math.radians(fov) / 2))": "The camera looks along -z",
        "return point[..., :2] / math.tan(math.radians(fov) / 2)": "Nothing shrinks with depth",
        "return point[..., :2] / (-point[..., 2:] * math.tan(math.radians(fov)))": "is the whole angle",
        "return point[..., :2] / (-point[..., 2:] * math.tan(fov / 2))": "The tangent takes radians",
        "return point[..., :2] / -point[..., 2:] * math.tan(math.radians(fov) / 2)": "divide by the tangent, too",
        "return point[..., :2] / (-point[..., 2] * math.tan(math.radians(fov) / 2))": "Two shapes do not fit",
        "return point / (-point[..., 2:] * math.tan(math.radians(fov) / 2))": "Axis",
        "return point[..., :2] / (point.norm(dim=-1, keepdim=True) * math.tan(math.radians(fov) / 2))": "distance to the eye",
        "return point[..., :2] / (-point[..., 2:] * math.sin(math.radians(fov) / 2))": "It is the tangent, not the sine",
        "p = point[..., :2] / (-point[..., 2:] * math.tan(math.radians(fov) / 2))\nreturn p * p.new_tensor([1, -1])": "point with y turned round",
        "p = point.detach()\nreturn p[..., :2] / (-p[..., 2:] * math.tan(math.radians(fov) / 2))": "p = point.detach()",
        "return (point[..., :2] / (-point[..., 2:] * math.tan(math.radians(fov) / 2)) + 1) / 2": "That runs from 0 to 1",
    },
    "from_opencv": {
        "return points * torch.tensor([1.0, -1.0, 1.0])": "Only y was turned round",
        "return points * torch.tensor([1.0, 1.0, -1.0])": "Only z was turned round",
        "return points": "Nothing changed",
        "return -points": "All three were turned round",
        "return points * torch.tensor([-1.0, 1.0, -1.0])": "PyTorch3D's way",
        "return points * torch.tensor([-1.0, -1.0, 1.0])": "stands on its head",
        "return points[..., [0, 2, 1]]": "Axes are not exchanged",
        "x, y, z = points.unbind(-1)\nreturn torch.stack([x, -y, -z])": "an axis of length 1 is missing",
        "points[..., 1:] *= -1\nreturn points": "points is no longer what it was",
        "return points.detach() * points.new_tensor([1.0, -1.0, -1.0])": "gradient of points is lost",
        "x, y, z = points\nreturn torch.stack([x, -y, -z])": "goes along the first axis",
    },
    "lambert": {
        "return ambient + diffuse * (normals * direction / direction.norm()).sum(-1)": "gets no light, not a negative one",
        "return ambient + diffuse * (normals * direction / direction.norm()).sum(-1).abs()": "do not take abs",
        "return ambient + diffuse * (normals * direction).sum(-1).clamp_min(0)": "length must not count",
        "return diffuse * (normals * direction / direction.norm()).sum(-1).clamp_min(0)": "ambient light is missing",
        "return ambient + diffuse * -(normals * direction / direction.norm()).sum(-1).clamp_max(0)": "points towards the lamp",
        "return (ambient + diffuse * (normals * direction / direction.norm()).sum(-1)).clamp_min(0)": "The cut belongs to",
        "return ambient + (normals * direction / direction.norm()).sum(-1).clamp_min(0)": "diffuse = 1",
        "return ambient + diffuse * (normals * direction / direction.norm()).sum().clamp_min(0)": "That is one number",
        "return ambient + diffuse * normals * direction / direction.norm()": "3 entries along axis",
        "return ambient + diffuse * (normals * direction / (direction**2).sum()).sum(-1).clamp_min(0)": "not by its square",
        "return ambient + diffuse * (normals.detach() * direction / direction.norm()).sum(-1).clamp_min(0)": "gradient of normals is lost",
    },
    "bilinear": {
        _TEXEL.replace("u * w - 0.5, (1 - v) * h - 0.5", "u * w, (1 - v) * h"): "at its centre",
        _TEXEL.replace("(1 - v) * h", "v * h"): "Row 0 is at the top",
        _TEXEL.replace("u * w - 0.5, (1 - v) * h - 0.5", "(1 - v) * w - 0.5, u * h - 0.5"): "u runs along the columns",
        _TEXEL.replace("1 - right", "RIGHT").replace("* right", "* (1 - right)").replace("(RIGHT)", "right").replace("1 - down", "DOWN").replace("* down", "* (1 - down)").replace("(DOWN)", "down"): "The weights are exchanged",
        "h, w = image.shape[:2]\nj, i = (u * w).long().clamp(0, w - 1), ((1 - v) * h).long().clamp(0, h - 1)\nreturn image[i, j]": "the texel in which the place lies",
        _TEXEL.replace("u * w - 0.5, (1 - v) * h - 0.5", "u * (w - 1), (1 - v) * (h - 1)"): "not the centre of the first texel",
        _TEXEL.replace("i.long().clamp(0, h - 1), j.long().clamp(0, w - 1)", "i.long() % h, j.long() % w"): "clamp the row and the column",
        _TEXEL.replace("image[i.long()", "image[j.long()").replace("h - 1), j.long()", "h - 1), i.long()"): "An image is indexed",
        _TEXEL.replace(".long().clamp(0, h - 1)", ".long()").replace(".long().clamp(0, w - 1)", ".long()"): "out of bounds",
        _TEXEL.replace("[..., None]", ""): "Two shapes do not fit",
        _TEXEL.replace("column, row", "u, v = u.detach(), v.detach()\ncolumn, row"): "gradient of u is lost",
        _TEXEL.replace("return upper", "return lower").replace("lower * down", "upper * down"): "Upper and lower row are exchanged",
        _TEXEL.replace(".floor()", ".round()"): "floor, not round",
    },
    # ------------------------------------------------------------ 12 Fit a shape to silhouettes
    "laplacian_loss": {
        "return (verts - neighbours @ verts).square().sum()": "distance from the neighbours' sum",
        "return (verts - neighbours @ verts / neighbours.sum(1, keepdim=True)).square().mean()": "mean over all coordinates",
        "return (verts - neighbours @ verts / neighbours.sum(1, keepdim=True)).norm(dim=1).sum()": "do not take the root",
        "return (verts - neighbours @ verts / neighbours.sum(1, keepdim=True)).square().sum(1).mean()": "That is the mean over the vertices",
        "return (verts - neighbours @ verts / neighbours.sum(1)).square().sum()": "Two shapes do not fit",
        "return (verts - neighbours @ verts / neighbours.sum(1, keepdim=True)).square().sum(1)": "One number is wanted",
        "return (verts - neighbours @ verts / neighbours.sum(1, keepdim=True)).sum().square()": "Square first, then sum",
        "return (verts - neighbours @ verts / neighbours.sum(1, keepdim=True)).abs().sum()": "Squares are wanted",
        "n = neighbours + torch.eye(len(verts))\nreturn (verts - n @ verts / n.sum(1, keepdim=True)).square().sum()": "not among its own neighbours",
        "return (verts - verts.mean(0)).square().sum()": "mean of all vertices",
        "return (verts.detach() - neighbours @ verts / neighbours.sum(1, keepdim=True)).square().sum()": "gradient of verts is not",
        "m = (neighbours @ verts / neighbours.sum(1, keepdim=True)).detach()\nreturn (verts - m).square().sum()": "gradient of verts is not",
        "return ((verts - neighbours @ verts / neighbours.sum(1, keepdim=True)).square().sum() / 2)": "half as large",
    },
    "fold_penalty": {
        _FOLD.replace(" - ((c - a) @ along) * along", "").replace(" - ((d - a) @ along) * along", ""): "at a right angle to the edge",
        _FOLD.replace("(cos + 1)", "cos"): "Add 1",
        _FOLD.replace(" ** 2", ""): "The square is missing",
        _FOLD.replace("cos + 1", "cos - 1"): "the wrong way round",
        _FOLD.replace(" / (u.norm() * v.norm())", ""): "Only directions count",
        _FOLD.replace(" / (b - a).norm()", ""): "the edge must have length 1",
        _FOLD.replace("u @ v", "u * v"): "One number is wanted",
        _FOLD.replace("d - a - ((d - a)", "d - b - ((d - a)"): "Both sides begin at one point",
        _FOLD.replace("(cos + 1) ** 2", "cos ** 2 + 1"): "The square comes too early",
        _FOLD.replace("(cos + 1) ** 2", "(cos + 1).detach() ** 2"): "(cos + 1).detach() ** 2",
        _FOLD.replace("(cos + 1) ** 2", "(math.pi - torch.acos(cos.clamp(-1, 1))) ** 2"): "square of the bend itself",
        _FOLD.replace("u.norm() * v.norm()", "u.norm()"): "Divide by both sides' lengths",
    },
    "scheduled_sigma": {
        "return start + (end - start) * progress": "goes down in equal steps",
        "return end * (start / end) ** progress": "Start and end have changed places",
        "return start * (end / start) * progress": "not multiplied by it",
        "return start * end ** progress": "not at end times start",
        "return math.log(start) + progress * (math.log(end) - math.log(start))": "take exp of it",
        "return 10 ** (math.log(start) + progress * math.log(end / start))": "inverse is math.exp",
        "return math.sqrt(start * end)": "middle of the way",
        "return start ** (1 - progress) + end ** progress": "Multiply the two powers",
        "return start * (start / end) ** progress": "The ratio is turned round",
        "return start": "That is the start",
        "return start * math.exp(-progress)": "`end` is not used",
        "return 1 / (1 / start + (1 / end - 1 / start) * progress)": "equal steps of 1 / sigma",
    },
    # ------------------------------------------------------------ 13 Fit a pose
    "geodesic_angle": {
        "return torch.acos((((a.T @ b).trace() - 1) / 2).clamp(-1, 1))": "That is radians",
        "return torch.rad2deg(torch.acos(((a.T @ b).trace() / 3).clamp(-1, 1)))": "The trace of a rotation by an angle is",
        "return torch.rad2deg(torch.acos(((a.T @ b).trace() / 2 - 1).clamp(-1, 1)))": "You divided before",
        "return torch.rad2deg(torch.acos((((a @ b).trace() - 1) / 2).clamp(-1, 1)))": "You took the trace of a @ b",
        "return (a - b).norm()": "chordal distance",
        "return torch.rad2deg(torch.acos(((a.T @ b).trace() - 1) / 2))": "clamp it to [-1, 1]",
        "return torch.rad2deg(torch.acos((((a.T @ b).trace() - 1) / 2).clamp(0, 1)))": "You clamped to [0, 1]",
        "return math.degrees(math.acos(max(-1, min(1, ((a.T @ b).trace().item() - 1) / 2))))": ".item()",
        "return ((a.T @ b).trace() - 1) / 2": "That is the cosine",
        "return torch.rad2deg(torch.acos((((a.T * b).trace() - 1) / 2).clamp(-1, 1)))": "multiplies entry by entry",
        "return torch.rad2deg(torch.acos((((a.T @ b).trace() - 1) / 2).clamp(-1, 1))) / 2": "Half of it",
        "return torch.rad2deg(torch.asin((((a.T @ b).trace() - 1) / 2).clamp(-1, 1)))": "not the arc sine",
    },
    "rotation_from_axis_angle": {
        _TURN.replace(".clamp_min(1e-12)", ""): "At v = 0 you divide by the angle",
        _TURN.replace("+ angle.sin() * k", "- angle.sin() * k"): "turns the other way round",
        _TURN.replace("v / angle.clamp_min(1e-12)", "v"): "must have length 1",
        _TURN.replace(" + (1 - angle.cos()) * k @ k", ""): "(1 - cos) K K is missing",
        _TURN.replace("1 - angle.cos()", "1 + angle.cos()"): "It is 1 - cos",
        _TURN.replace("k @ k", "k * k"): "You squared the entries",
        _TURN.replace("angle.sin()", "angle.cos()").replace("1 - angle.cos()) * k @", "1 - angle.sin()) * k @"): "sine and cosine are exchanged",
        _TURN.replace("torch.eye(3, dtype=v.dtype) + ", ""): "The identity is missing",
        _TURN.replace("torch.eye(3, dtype=v.dtype)", "torch.ones(3, 3, dtype=v.dtype)"): "ones on its diagonal alone",
        _TURN.replace("[o, -z, y, z, o, -x, -y, x, o]", "[o, z, -y, -z, o, x, y, -x, o]"): "turns the other way round",
        _TURN.replace("angle.sin() * k", "torch.deg2rad(angle).sin() * k").replace("angle.cos())", "torch.deg2rad(angle).cos())"): "|v| is the angle in radians",
        _TURN.replace("angle = v.norm()", "v = v.detach()\nangle = v.norm()"): "v = v.detach()",
        _TURN + ".T": "not K @ K.T",
    },
    "turn_slope": {
        _SLOPE.replace("rotation.T", "rotation"): "You multiplied by R, not by R transposed",
        _SLOPE.replace("grad @ rotation.T", "rotation.T @ grad"): "in the object's own axes",
        _SLOPE.replace("grad @ rotation.T", "grad"): "The R is missing",
        _SLOPE.replace("grad @ rotation.T", "rotation @ grad.T"): "The sign is turned round",
        _SLOPE.replace("])", "]) / 2"): "Half of it",
        _SLOPE.replace("a[0, 2] - a[2, 0]", "a[2, 0] - a[0, 2]"): "The middle number has the wrong sign",
        _SLOPE.replace(" - a", " + a"): "You added the mirrored entries",
        _SLOPE.replace("grad @ rotation.T", "grad * rotation"): "not multiplied one by one",
        "a = grad @ rotation.T\nreturn torch.stack([a[2, 1], a[0, 2], a[1, 0]])": "each entry minus its mirror image",
        "a = grad @ rotation.T\nreturn a - a.T": "Three numbers are wanted",
        "a = grad @ rotation.T\nreturn torch.stack([a[1, 0] - a[0, 1], a[0, 2] - a[2, 0], a[2, 1] - a[1, 2]])": "The first and the third number have changed places",
    },
    # ------------------------------------------------------------ 14 Bend a body
    "rotate_about_joint": {
        "return points @ rotation.T": "turns about the origin",
        "return (points - joint) @ rotation.T": "did not come back",
        "return (points - joint) @ rotation + joint": "It turns the other way",
        "return points @ rotation.T + joint": "Take the joint off before",
        "return (points + joint) @ rotation.T - joint": "The signs have changed places",
        "return (points - joint) * rotation.T + joint": "A matrix turns a point with @",
        "return rotation @ (points - joint) + joint": "wants the points in columns",
        "points -= joint\nreturn points @ rotation.T + joint": "points is no longer what it was",
        "return (points - joint.detach()) @ rotation.T + joint": "gradient of joint is not",
        "return (points - joint) @ rotation.detach().T + joint": "gradient of rotation is lost",
        "return (points - joint) @ rotation.T + points": "You added the points themselves",
        "return (points - joint) @ rotation.T + rotation @ joint": "about the origin",
    },
    "skin": {
        _SKIN.replace(" + blended[..., 3]", ""): "The fourth column",
        _SKIN.replace("weights @", "weights.softmax(1) @"): "A second softmax",
        _SKIN.replace("weights @", "torch.ones_like(weights) @"): "That is the sum over the joints",
        _SKIN.replace("weights @ transforms.flatten(1)", "(weights @ transforms.flatten(1)) / weights.shape[1]"): "sum to 1 already: do not divide",
        _SKIN.replace("blended[..., :3] @", "blended[..., :3].mT @"): "The matrices are transposed",
        _SKIN.replace("return (", "return verts + ("): "do not add the vertex",
        _SKIN.replace("weights @ transforms.flatten(1)", "transforms[weights.argmax(1)]"): "strongest joint alone",
        _SKIN.replace("weights @", "weights.detach() @"): "gradient of weights is lost",
        _SKIN.replace("+ blended[..., 3]", "- blended[..., 3]"): "The shift is added",
        "return (transforms[..., :3] @ verts.T).mT.mean(0) + transforms[..., 3].mean(0)": "weights are not used",
        "return torch.einsum('vj,jab,vb->va', weights, transforms[..., :3], verts) + transforms[..., 3].sum(0)": "without their weights",
    },
    "angle_slope": {
        "return (torch.linalg.cross(axis.expand_as(verts), verts) * grad).sum()": "The lever starts at the joint",
        "return (torch.linalg.cross(verts - joint, axis.expand_as(verts)) * grad).sum()": "The sign is turned round",
        "return (torch.linalg.cross(axis.expand_as(verts), verts - joint) * grad).sum(-1).mean()": "A mean is too small",
        "return (torch.linalg.cross(axis.expand_as(verts), verts - joint) * grad).mean()": "mean over all coordinates. Their sum",
        "return (torch.linalg.cross(axis.expand_as(verts), verts - joint) * grad).sum(-1)": "One number is wanted: all vertices",
        "return ((verts - joint) * grad).sum()": "A turn does not move a point along its lever",
        "return (axis * grad).sum()": "No point moves along the axis",
        "return torch.linalg.cross(axis.expand_as(verts), verts - joint).norm(dim=-1) @ grad.norm(dim=-1)": "Lengths have no sign",
        "return (torch.cross(axis, verts - joint) * grad).sum()": "must have the same number of dimensions",
        "return math.degrees((torch.linalg.cross(axis.expand_as(verts), verts - joint) * grad).sum())": "An angle in radians",
        "return (torch.linalg.cross(axis.expand_as(verts), joint - verts) * grad).sum()": "The sign is turned round",
    },
    # ------------------------------------------------------------ 15 Shape from one image
    "voxel_overlap": {
        "return (ours == truth).double().mean()": "share of cells that agree",
        "return (ours & truth).sum() / (ours.sum() + truth.sum())": "counted twice",
        "return 2 * (ours & truth).sum() / (ours.sum() + truth.sum())": "Dice",
        "return (ours & truth).sum() / truth.sum()": "true cells alone",
        "return (ours & truth).sum() / ours.sum()": "our cells alone",
        "return (ours & truth).double().mean()": "share of the whole grid",
        "return 1 - (ours & truth).sum() / (ours | truth).sum()": "1 - IoU",
        "return (ours | truth).sum() / (ours & truth).sum()": "Upside down",
        "return (ours & truth).sum() // (ours | truth).sum()": "// rounds down",
        "return (ours * truth).sum() / (ours + truth - ours * truth).sum()": "Booleans cannot be subtracted",
        "return (ours and truth).sum() / (ours or truth).sum()": "ask for one yes or no",
        "return (ours ^ truth).sum() / (ours | truth).sum()": "1 - IoU",
        "return (ours & truth).sum()": "number of cells that both fill",
    },
    "mix_palette": {
        "return scores.softmax(0) @ palette": "The softmax runs over the vertices",
        "return scores @ palette": "no shares yet",
        "return palette[scores.argmax(1)]": "its best colour alone",
        "return scores / scores.sum(1, keepdim=True) @ palette": "Dividing by the sum is not enough",
        "return scores.exp() @ palette": "do not add up to 1 yet",
        "return scores.sigmoid() @ palette": "A sigmoid looks at one score alone",
        "return (-scores).softmax(1) @ palette": "no minus in the softmax",
        "return scores.softmax(1) * palette": "Two shapes do not fit",
        "return palette @ scores.softmax(1)": "the last axis of a must be",
        "return (scores.softmax(1) @ palette).detach()": ".detach()",
        "return scores.softmax(1).detach() @ palette": "gradient of scores is lost",
        "return scores.softmax(1)": "the shares themselves",
        "return (10 * scores).softmax(1) @ palette": "made larger before the softmax",
    },
    "carve": {
        _CARVE.replace("1 - xy[..., 1]", "1 + xy[..., 1]"): "y points up and rows count downwards",
        _CARVE.replace("row, column]", "column, row]"): "A mask is indexed [row, column]",
        _CARVE.replace(".all(0)", ".any(0)"): "inside some silhouette",
        _CARVE.replace("xy[..., 0] + 1", "1 - xy[..., 0]"): "Columns count from the left",
        _CARVE.replace(".all(0)", ""): "One answer for each point and camera",
        _CARVE.replace("return ", "return ~"): "what is cut away",
        _CARVE.replace("* size / 2", "* (size - 1) / 2"): "not to W - 1",
        _CARVE.replace(".long()", ".round().long().clamp_max(size - 1)"): "half a pixel off",
        _CARVE.replace(".all(0)", ".double().mean(0) > 0.5"): "vote of most cameras",
        _CARVE.replace(".all(0)", "[0]"): "Only the first camera",
        _CARVE.replace("* size / 2", "* size"): "out of bounds",
        _CARVE.replace(".long()", ""): "An index is a whole number",
        _CARVE.replace(".all(0)", ".all(1)"): "Axis 0",
        _CARVE.replace("[:, None]", ""): "shape mismatch",
    },
    # ------------------------------------------------------------ 16 Beyond SoftRas
    "uniform_probability": {
        "return (1 + x) / 2": "the ramp goes on",
        "return x.clamp(0, 1)": "Your ramp begins at the edge",
        "return (0.5 + x).clamp(0, 1)": "its slope is one half",
        "return torch.sigmoid(x)": "sigmoid of SoftRas",
        "return ((1 - x) / 2).clamp(0, 1)": "Yours falls with x",
        "return ((1 + x) / 2).clamp(-1, 1)": "You clamp to [-1, 1]",
        "return (x > 0).double()": "That is the hard edge",
        "return torch.where(x.abs() <= 1, 0.5, 0.0)": "That is the density",
        "return torch.where(x.abs() <= 1, (1 + x) / 2, 0.0)": "Right of 1 you say 0",
        "return ((1 + x) / 2).clamp(max=1)": "Below -1 the ramp goes on",
        "return ((1 + x) / 2).clamp(min=0)": "Above 1 the ramp goes on",
        "return ((1 + x) / 2).clamp(0, 1).detach()": ".detach()",
        "return [min(max((1 + t) / 2, 0), 1) for t in x.tolist()]": "x.tolist()",
        "if x < -1: return 0\nreturn 1": "one yes or no",
    },
    "einstein_silhouette": {
        "return d.sum(0) / (1 + d.prod(0))": "For two faces that is right",
        "return 1 - (1 - d).prod(0)": "probabilistic conorm",
        "return torch.atanh(d).sum(0)": "The way back is missing",
        "return d.sum(0)": "plain sum",
        "return torch.tanh(torch.atanh(d).sum(1))": "not along the rows",
        "return torch.tanh(d.sum(0))": "tanh of the plain sum",
        "return torch.tanh(torch.atanh(d).mean(0))": "you took their mean",
        "return d.amax(0)": "That is max",
        "t = torch.zeros_like(d[0])\nfor x in d:\n    t = (t + x) / (1 - t * x)\nreturn t": "you add tangents",
        "t = d[0]\nfor x in d:\n    t = (t + x) / (1 + t * x)\nreturn t": "The first face counts twice",
        "return torch.tanh(torch.atanh(d.detach()).sum(0))": "d.detach()",
        "return torch.tanh(torch.atanh(d).sum())": "That is one number",
        "return torch.tanh(torch.tanh(d).sum(0))": "atanh of each, not tanh",
        "return torch.tan(torch.atan(d).sum(0))": "you add tangents",
    },
    "yager_slope": {
        "a = d.pow(p).sum().pow(1 / p)\nreturn (d / a).pow(p - 1)": "stays 1: no face has a slope",
        "a = d.pow(p).sum().pow(1 / p)\nreturn torch.where(a < 1, (a / d).pow(p - 1), 0.0)": "Upside down",
        "a = d.pow(p).sum().pow(1 / p)\nreturn torch.where(a < 1, p * (d / a).pow(p - 1), 0.0)": "cancel",
        "a = d.pow(p).sum().pow(1 / p)\nreturn torch.where(a < 1, d.pow(p - 1), 0.0)": "The outer power has a slope",
        "a = d.pow(p).sum().pow(1 / p)\nreturn torch.where(a < 1, (d / a).pow(p), 0.0)": "The power is p - 1",
        "a = d.pow(p).sum()\nreturn torch.where(a < 1, (d / a).pow(p - 1), 0.0)": "Your alpha has no root",
        "a = d.pow(p).sum().pow(1 / p).clamp(max=1)\nreturn (d / a).pow(p - 1)": "You cut alpha at 1",
        "a = d.pow(p).sum().pow(1 / p)\nreturn torch.where(a < 1, -(d / a).pow(p - 1), 0.0)": "sign is turned round",
        "a = d.pow(p).sum().pow(1 / p)\nreturn torch.where(a > 1, (d / a).pow(p - 1), 0.0)": "min and max are mixed up",
        "a = d.pow(p).sum().pow(1 / p)\nif a < 1:\n    return (d / a).pow(p - 1)\nreturn 0.0": "That is one number, and 2 are wanted",
        "return d.pow(p).sum().pow(1 / p).clamp(max=1)": "That is alpha itself",
        "a = d.pow(p).sum().pow(1 / p)\nreturn torch.where(a < 1, (d / a) * (p - 1), 0.0)": "To the power of p - 1, not times",
    },
    "sigma_from_pixels": {
        "length = pixels / height\nreturn length**2 / x if squared else length / x": "A pixel is 2 / H",
        "return pixels * 2 / height / x": "square the length first",
        "return (pixels * 2 / height)**2 / x": "Only with squared=True",
        "length = pixels * 2 / height\nreturn length**2 * x if squared else length * x": "divide by x",
        "length = pixels * 2 / height\nreturn x / length**2 if squared else x / length": "Upside down",
        "length = pixels * 2 / height\nreturn (length / x)**2 if squared else length / x": "Square the length alone",
        "length = pixels * 2 / height\nreturn length / x if squared else length**2 / x": "The other way round",
        "length = pixels * height / 2\nreturn length**2 / x if squared else length / x": "you went the other way",
        "length = pixels * 2 / height\nreturn length**2 if squared else length": "Where is x?",
        "length = pixels * 2 / height\nreturn (length / x)**0.5 if squared else length / x": "took the square root",
        "length = pixels\nreturn length**2 / x if squared else length / x": "The length is in pixels in yours",
        "length = pixels * 2 // height\nreturn length**2 / x if squared else length / x": "Yours is 0 everywhere",
    },
    # ------------------------------------------------------------ 17
    "masked_l1": {
        "return (image - photo).abs().mean()": "The mask is not used",
        "return ((image - photo).abs() * mask).mean()": "number of pixels in the mask",
        "return ((image - photo).abs() * mask).sum()": "That is the sum",
        "return ((image - photo) * mask).sum() / mask.sum()": "Without abs",
        "return ((image - photo)**2 * mask).sum() / mask.sum()": "That is the squared difference",
        "return ((image - photo) * mask).sum().abs() / mask.sum()": "abs comes too late",
        "return (image * mask - photo).abs().sum() / mask.sum()": "Only one of the pictures",
        "return ((image - photo).abs() * (1 - mask)).sum() / (1 - mask).sum()": "That is the mean outside the mask",
        "return (image - photo).abs()[mask].mean()": "An index is a whole number",
        "return (image - photo).abs() * mask / mask.sum()": "One number is wanted",
        "return ((image.detach() - photo).abs() * mask).sum() / mask.sum()": "image.detach()",
        "return ((image - photo).square() * mask).sum().sqrt() / mask.sum()": "No root and no squares",
        "return (((image - photo).abs() * mask).sum((-1, -2)) / mask.sum((-1, -2))).mean()": "Sum over all pictures together",
    },
    "spread_step": {
        "m = torch.eye(len(laplacian), dtype=laplacian.dtype) + strength * laplacian\nreturn m @ u": "That multiplies by the matrix",
        "m = torch.eye(len(laplacian), dtype=laplacian.dtype) + laplacian\nreturn torch.linalg.solve(m, u)": "The strength is missing",
        "return u - strength * laplacian @ u": "one step of plain smoothing",
        "m = torch.eye(len(laplacian), dtype=laplacian.dtype) + strength * laplacian\nreturn u / m.diagonal()[:, None]": "Only the diagonal is used",
        "m = torch.eye(len(laplacian), dtype=laplacian.dtype) + strength * laplacian\nreturn torch.linalg.solve(m, torch.linalg.solve(m, u))": "That solves twice",
        "m = torch.eye(len(laplacian)) + strength * laplacian\nreturn torch.linalg.solve(m.float(), u)": "float32 meets float64",
        "m = 1 + strength * laplacian\nreturn torch.linalg.solve(m, u)": "1 + strength L adds 1 to every number",
        "m = torch.eye(len(laplacian), dtype=laplacian.dtype) - strength * laplacian\nreturn torch.linalg.solve(m, u)": "drives them apart",
        "m = torch.eye(len(laplacian), dtype=laplacian.dtype) + strength * laplacian\nreturn torch.linalg.solve(u, m)": "wants the square matrix first",
        "m = torch.eye(len(laplacian), dtype=laplacian.dtype) + strength * laplacian\nreturn torch.linalg.solve(m, u).detach()": ".detach()",
        "m = torch.eye(len(laplacian), dtype=laplacian.dtype) + strength * laplacian\nreturn torch.linalg.solve(m @ m, u)": "That solves twice",
        "return u": "u comes back as it was",
        "m = strength * laplacian\nreturn torch.linalg.solve(m, u)": "L alone has no inverse",
    },
}

# Right answers in other styles.
RIGHT = {
    "on_screen": [
        "x, y, z = point.unbind(-1)\nt = math.tan(math.pi * fov / 360)\nreturn torch.stack([-x / (z * t), -y / (z * t)], -1)",
        "return point.float()[..., :2] / -point.float()[..., 2:] / math.tan(math.radians(fov / 2))",
    ],
    "from_opencv": [
        "x, y, z = points.unbind(-1)\nreturn torch.stack([x, -y, -z], -1)",
        "return points @ torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=points.dtype))",
        "p = points.clone()\np[..., 1:] *= -1\nreturn p",
    ],
    "lambert": [
        "d = torch.nn.functional.normalize(direction, dim=0)\nreturn ambient + diffuse * torch.relu(normals @ d)",
        "c = (normals * direction).sum(-1) / (direction @ direction).sqrt()\nreturn ambient + diffuse * torch.where(c > 0, c, 0 * c)",
    ],
    "bilinear": [_TEXEL],
    "laplacian_loss": [
        "n = neighbours / neighbours.sum(1)[:, None]\nreturn ((verts - n @ verts)**2).sum()",
        "out = 0\nfor k in range(len(verts)):\n    out = out + (verts[k] - verts[neighbours[k] > 0].mean(0)).square().sum()\nreturn out",
    ],
    "fold_penalty": [
        _FOLD,
        "e = b - a\nn, m = torch.linalg.cross(e, c - a), torch.linalg.cross(e, d - a)\nreturn (torch.cosine_similarity(n, m, dim=0) + 1)**2",
    ],
    "scheduled_sigma": [
        "return math.exp((1 - progress) * math.log(start) + progress * math.log(end))",
        "return start ** (1 - progress) * end ** progress",
        "return 10 ** np.interp(progress, [0, 1], [np.log10(start), np.log10(end)])",
    ],
    "geodesic_angle": [
        "return torch.acos((((a * b).sum() - 1) / 2).clamp(-1, 1)) * 180 / math.pi",
        "return torch.rad2deg(2 * ((a - b).norm() / 8**0.5).clamp(0, 1).asin())",
    ],
    "rotation_from_axis_angle": [_TURN],
    "turn_slope": [
        "a = (grad @ rotation.T).tolist()\nreturn [a[2][1] - a[1][2], a[0][2] - a[2][0], a[1][0] - a[0][1]]",
        "g = grad.numpy() @ rotation.numpy().T\ng = g - g.T\nreturn g[[2, 0, 1], [1, 2, 0]]",
    ],
    "rotate_about_joint": [
        "return torch.einsum('ij,nj->ni', rotation, points - joint) + joint",
        "return torch.stack([rotation @ (p - joint) + joint for p in points])",
    ],
    "skin": [
        _SKIN,
        "out = []\nfor v, w in zip(verts, weights):\n    out.append(sum(x * (t[:, :3] @ v + t[:, 3]) for x, t in zip(w, transforms)))\nreturn torch.stack(out)",
    ],
    "angle_slope": [
        "return sum(torch.linalg.cross(axis, v - joint) @ g for v, g in zip(verts, grad))",
        "return float((np.cross(axis.numpy(), (verts - joint).numpy()) * grad.numpy()).sum())",
        "return axis @ torch.linalg.cross(verts - joint, grad).sum(0)",
    ],
    "voxel_overlap": [
        "a, b = ours.double(), truth.double()\nreturn (a * b).sum() / (a + b - a * b).sum()",
        "return np.logical_and(ours, truth).sum() / np.logical_or(ours, truth).sum()",
        "a, b = set(map(tuple, ours.nonzero().tolist())), set(map(tuple, truth.nonzero().tolist()))\nreturn len(a & b) / len(a | b)",
    ],
    "mix_palette": [
        "w = (scores - scores.amax(1, keepdim=True)).exp()\nreturn (w / w.sum(1, keepdim=True)) @ palette",
        "return torch.stack([(s.softmax(0)[:, None] * palette).sum(0) for s in scores])",
    ],
    "carve": [
        _CARVE,
        "n = masks.shape[1]\nout = []\nfor k in range(xy.shape[1]):\n    ok = True\n    for m, p in zip(masks, xy):\n        ok = ok and bool(m[int((1 - p[k, 1]) * n / 2), int((p[k, 0] + 1) * n / 2)])\n    out.append(ok)\nreturn out",
    ],
    "uniform_probability": [
        "return torch.where(x < -1, 0 * x, torch.where(x > 1, 0 * x + 1, (1 + x) / 2))",
        "return 0.5 + 0.5 * torch.nn.functional.hardtanh(x)",
    ],
    "einstein_silhouette": [
        "t = torch.zeros_like(d[0])\nfor x in d:\n    t = (t + x) / (1 + t * x)\nreturn t",
        "a, b = (1 + d).prod(0), (1 - d).prod(0)\nreturn (a - b) / (a + b)",
    ],
    "yager_slope": [
        "a = sum(x**p for x in d.tolist())\nreturn [(x / a**(1 / p))**(p - 1) if a < 1 else 0.0 for x in d.tolist()]",
        "s = (d**p).sum()\nreturn d**(p - 1) * s**(1 / p - 1) * (s < 1)",
    ],
    "sigma_from_pixels": [
        "n = 2 * pixels / height\nreturn n ** (2 if squared else 1) / x",
        "return np.power(2 * pixels / height, 1 + int(squared)) / x",
    ],
    "masked_l1": [
        "return (image - photo).abs()[mask > 0].mean()",
        "return (image * mask - photo * mask).abs().sum() / mask.sum()",
        "return torch.nn.functional.l1_loss(image[mask.bool()], photo[mask.bool()])",
    ],
    "spread_step": [
        "m = torch.eye(len(laplacian), dtype=laplacian.dtype) + strength * laplacian\nreturn torch.linalg.inv(m) @ u",
        "m = torch.eye(len(laplacian), dtype=laplacian.dtype) + strength * laplacian\nreturn torch.cholesky_solve(u, torch.linalg.cholesky(m))",
    ],
}
