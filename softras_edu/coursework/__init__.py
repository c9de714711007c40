"""The course for a class: students' notebooks, solved ones, and ones for an autograder.

All are made from the notebooks of the repository, by `python -m softras_edu notebooks`; the command
is in `command.py`.
"""
