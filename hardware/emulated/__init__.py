"""Emulated chips that take the place of the C modules under the real drivers."""
