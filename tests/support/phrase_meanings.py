"""Sentences with the meaning that a reader gives them, written before the parser was asked.

The meanings are in the words of ``Query.text``. Articles are left out, and the parts of a meaning may come in any
order.
"""

from __future__ import annotations

MEANINGS = {
    # Sides and order.
    "leftmost cup": 'first from the left of "cup"',
    "cup furthest to the right": 'first from the right of "cup"',
    "the third person from the right": 'third from the right of "person"',
    "person number two from the left": 'second from the left of "person"',
    "2nd dog from left": 'second from the left of "dog"',
    "the last car on the right": 'first from the right of "car"',
    "the boy second from right": 'second from the right of "boy"',
    "second red car from the right": 'second from the right of "red car"',
    "the upper window": '"window", at the top',
    "bottom drawer": '"drawer", at the bottom',
    "the center chair": '"chair", in the middle',
    "guy in the middle": '"guy", in the middle',
    "man to the left": '"man", on the left',
    "right-hand car": '"car", on the right',
    "car on the far left": 'first from the left of "car"',
    "mug in the lower left corner": '"mug", at the bottom, on the left',
    "the car in the top right corner": '"car", at the top, on the right',
    "yellow car at the bottom of the picture": '"yellow car", at the bottom',
    "the man with the bag on the left": '"man with the bag", on the left',
    "the one on the left": '"one", on the left',
    # Size and distance.
    "the biggest truck": 'largest of "truck"',
    "smaller of the two dogs": 'smallest of "dogs"',
    "the smallest of the three boxes": 'smallest of "boxes"',
    "the second biggest boat": 'second largest of "boat"',
    "tallest building in the background": 'tallest of "building", in the background',
    "closest pedestrian": 'nearest of "pedestrian"',
    "pedestrian farthest away": 'farthest of "pedestrian"',
    "largest dog next to the couch": 'largest of "dog", next to "couch"',
    # Relations.
    "the woman to the right of the tree": '"woman", right of "tree"',
    "truck left of the red van": '"truck", left of "red van"',
    "person to the left of the man in the blue shirt": '"person", left of "man in the blue shirt"',
    "dog beside the bench": '"dog", next to "bench"',
    "forklift near the pallet": '"forklift", next to "pallet"',
    "car parked next to the blue truck": '"car parked", next to "blue truck"',
    "bird on top of the fence": '"bird", on "fence"',
    "person on the bike": '"person", on "bike"',
    "lamp over the table": '"lamp", above "table"',
    "drone above the red roof": '"drone", above "red roof"',
    "cat underneath the chair": '"cat", below "chair"',
    "bike in front of the shop": '"bike", in front of "shop"',
    "car ahead of the truck": '"car", in front of "truck"',
    "man standing behind the counter": '"man standing", behind "counter"',
    "ball between the two boys": '"ball", between "boys"',
    "cone between the car and the van": '"cone", between "car" and "van"',
    "car nearest to the traffic light": '"car", closest to "traffic light"',
    "person farthest from the door": '"person", farthest from "door"',
    "dog inside the car": '"dog", inside "car"',
    # Negation.
    "the car that is not red": '"car", not "red car"',
    "a car but not the red one": '"car", not "red car"',
    "not the red car": '"car", not "red car"',
    "non-white truck": '"truck", not "white truck"',
    "the black dog, not the white one": '"black dog", not "white dog"',
    "dog other than the black one": '"dog", not "black dog"',
    "any vehicle except the bus": '"vehicle", not "bus"',
    "person without a helmet": '"person", not "person with helmet"',
    "the man who isn't wearing a hat": '"man", not "man wearing hat"',
    "woman not in red": '"woman", not "woman in red"',
    "the dog that is not on the couch": '"dog", not ("dog", on "couch")',
    "the person not wearing a mask on the right": '"person", on the right, not "person wearing mask"',
    # Number.
    "two cats": '2 of "cats"',
    "all the red cars": 'all of "red cars"',
    "every person": 'all of "person"',
    "three people on the left": '3 of "people", on the left',
    # What only sounds like a place.
    "bus with the white roof": '"bus with the white roof"',
    "left turn sign": '"left turn sign"',
    "top hat": '"top hat"',
    "right shoe of the girl": '"right shoe of the girl"',
}
