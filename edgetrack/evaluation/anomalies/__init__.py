"""Clips in which something unusual happens: is it found, where, how soon, and how often is there a false alarm?"""
