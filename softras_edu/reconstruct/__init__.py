"""Shape from one image (section 4 of the Soft Rasterizer, arXiv 1904.01786).

A network learns to make a mesh of a picture, from pictures alone.

parts.py       closed solids of one colour, put together to a mesh
furniture.py   made-up chairs, tables, benches, lamps and mugs
machines.py    made-up aeroplanes, cars and rifles
families.py    all of these by name
voxels.py      which cells of a grid are inside a mesh
voxel_files.py voxels written and read
data.py        pictures and voxels in the layout of the NMR ShapeNet files, made and read
samples.py     the same in memory, without files
network.py     picture -> mesh
config.py      everything that makes one run different from another
draw.py        the predicted mesh as a picture, and the losses
processes.py   one process or several
checkpoint.py  what a run must find again
train.py       the loop
evaluate.py    voxel IoU, and a sheet of pictures
cli.py         python -m softras_edu reconstruct make-data | train | evaluate
"""
