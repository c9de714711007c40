"""Inverse rendering.

The loop that changes parameters until a picture is right, and what has been built with it.
"""
