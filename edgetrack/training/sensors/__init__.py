"""Training of the second sensor: pairs drawn from color stills by stated sensor models, and what fails in them."""
