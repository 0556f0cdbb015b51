"""Pictures with phrases: is the right box found, is it shown, and is what is not there left alone?"""
