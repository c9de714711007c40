"""What only the course needs.

Figures, readers of measurements, cost ledgers, a workshop for Triton.
"""
