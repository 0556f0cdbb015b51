"""Evaluation of images with phrases: is the right box found and shown, and are absent objects not reported?"""
