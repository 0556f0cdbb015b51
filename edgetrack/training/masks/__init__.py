"""Training of the mask head: short sequences made from images with masks, and the losses of MobileVOS."""
