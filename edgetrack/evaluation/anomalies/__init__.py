"""Evaluation of unusual events: are they found, where, how soon, and how often is there a false alarm?"""
