"""Training of the mask head: short sequences drawn from stills with masks, and the losses of MobileVOS."""
