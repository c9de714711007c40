"""The workshop for Triton of notebook 09: the language or its stand-in, and a look at compiled
machine code."""
