"""Providers that no row can describe, a file for each: what they sign, or how they prove themselves."""
