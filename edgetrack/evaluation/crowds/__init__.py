"""Sequences in which a phrase names many objects: are all found, and does each keep its id?"""
