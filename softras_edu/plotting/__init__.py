"""What reports, explorers and the course draw with: one palette, pictures, curves, flip books.

palette.py    the colours, line styles and marks
pictures.py   images on NDC axes, as a matplotlib figure
curves.py     lines over a common x, as a matplotlib figure
flip_book.py  frames as a GIF or an animated PNG
panels.py     images with captions, as pixels (without matplotlib's axes: milliseconds, not tenths)
"""
