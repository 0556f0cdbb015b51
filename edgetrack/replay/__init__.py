"""The frames of a recording through another engine, precision or model: does it say the same?"""
