"""Evaluation of phrases that name many objects: are all of them found, and does each one keep its id?"""
