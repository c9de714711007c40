"""Shape from one image (section 4 of the Soft Rasterizer, arXiv 1904.01786).

A network learns to make a mesh of a picture, from pictures alone.

parts.py       closed solids of one colour, put together to a mesh
families.py    made-up chairs, cars, mugs and other things
nmr.py         NMR's renderer, compiled: for the photographs, and as the method to compare with
voxels.py      which cells of a grid are inside a mesh
data.py        pictures and voxels in the layout of the NMR ShapeNet files, made and read
samples.py     the same in memory, without files
network.py     picture -> mesh
config.py      everything that makes one run different from another
draw.py        the predicted mesh as a picture, and the losses
processes.py   one process or several
checkpoint.py  what a run must find again
train.py       the loop
evaluate.py    voxel IoU, and a sheet of pictures
table.py       what benchmarks/reconstruct_table.py measured
diagram.py     the way of a picture, as a figure
live.py        a loss curve that grows
cli.py         python -m softras_edu reconstruct make-data | train | evaluate
"""
