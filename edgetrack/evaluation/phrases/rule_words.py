"""The words that the rules over a detector's boxes know; they ignore all others."""

from __future__ import annotations

COCO = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant",
    "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard",
    "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange", "broccoli",
    "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant", "bed", "dining table", "toilet",
    "tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink",
    "refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip

# Synonyms of classes, and words for several classes.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "person": (
        "man", "woman", "boy", "girl", "child", "kid", "baby", "toddler", "infant", "lady", "guy", "gentleman",
        "human", "adult", "teenager", "player", "rider", "driver", "pedestrian", "cyclist", "skier", "snowboarder",
        "surfer", "skateboarder", "skater", "runner", "jogger", "swimmer", "dancer", "musician", "singer", "worker",
        "chef", "cook", "waiter", "waitress", "officer", "policeman", "policewoman", "soldier", "firefighter", "bride",
        "groom", "tourist", "passenger", "farmer", "teacher", "student", "doctor", "nurse", "batter", "pitcher",
        "catcher", "umpire", "referee", "coach", "someone", "somebody",
    ),
    "bicycle": ("bike", "cycle"),
    "car": ("automobile", "sedan", "taxi", "cab", "van", "suv", "jeep", "minivan"),
    "motorcycle": ("motorbike", "scooter", "moped"),
    "airplane": ("plane", "aeroplane", "aircraft", "jet", "airliner"),
    "bus": ("coach", "minibus"),
    "train": ("locomotive", "tram", "subway"),
    "truck": ("lorry", "pickup", "van"),
    "boat": ("ship", "sailboat", "canoe", "kayak", "ferry", "yacht"),
    "traffic light": ("stoplight", "traffic signal"),
    "fire hydrant": ("hydrant",),
    "bird": ("duck", "goose", "seagull", "gull", "pigeon", "parrot", "swan", "owl", "eagle", "chicken", "penguin"),
    "cat": ("kitten", "kitty"),
    "dog": ("puppy", "hound"),
    "horse": ("pony", "foal", "mare"),
    "sheep": ("lamb", "ram", "ewe"),
    "cow": ("cattle", "bull", "calf", "ox"),
    "backpack": ("bag", "rucksack"),
    "handbag": ("bag", "purse"),
    "suitcase": ("bag", "luggage", "baggage", "trunk"),
    "tie": ("necktie",),
    "skis": ("ski",),
    "sports ball": ("ball", "football", "basketball", "baseball", "volleyball", "soccer ball"),
    "baseball bat": ("bat",),
    "baseball glove": ("glove", "mitt"),
    "tennis racket": ("racket", "racquet"),
    "wine glass": ("glass", "goblet"),
    "cup": ("mug", "glass", "tumbler"),
    "donut": ("doughnut",),
    "couch": ("sofa", "settee"),
    "chair": ("armchair", "seat", "stool"),
    "potted plant": ("plant", "houseplant", "flowerpot"),
    "dining table": ("table", "desk"),
    "tv": ("television", "monitor", "screen"),
    "laptop": ("computer", "notebook"),
    "remote": ("remote control",),
    "cell phone": ("phone", "cellphone", "mobile phone", "smartphone", "mobile"),
    "refrigerator": ("fridge",),
    "clock": ("watch",),
    "teddy bear": ("teddy", "stuffed animal"),
    "hair drier": ("hair dryer", "hairdryer", "blow dryer"),
}  # fmt: skip
GROUPS: dict[str, tuple[str, ...]] = {
    "vehicle": ("car", "truck", "bus", "motorcycle", "bicycle", "train", "boat", "airplane"),
    "animal": ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"),
    "fruit": ("banana", "apple", "orange"),
}
IRREGULAR = {
    "people": "person", "men": "man", "women": "woman", "children": "child", "policemen": "policeman",
    "firemen": "firefighter", "fireman": "firefighter", "geese": "goose", "knives": "knife", "mice": "mouse",
    "calves": "calf", "oxen": "ox", "buses": "bus", "glasses": "glass",
}  # fmt: skip
CHILDREN = {"child", "kid", "boy", "girl", "baby", "toddler", "infant"}  # smaller than other people

# Vertical range of clothes, as fractions of the height of a person's box.
GARMENTS: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("hat", "cap", "helmet", "beanie", "hair"), (0.0, 0.15)),
    **dict.fromkeys(
        ("shirt", "t-shirt", "tshirt", "tee", "jacket", "coat", "sweater", "hoodie", "sweatshirt", "blouse", "top",
         "vest", "suit", "jersey", "uniform", "tank"),
        (0.18, 0.55),
    ),
    **dict.fromkeys(("dress", "gown", "robe", "apron"), (0.2, 0.75)),
    **dict.fromkeys(("pants", "trousers", "jeans", "shorts", "skirt", "leggings"), (0.5, 0.85)),
    **dict.fromkeys(("shoes", "boots", "sneakers", "socks", "shoe"), (0.88, 1.0)),
}  # fmt: skip
CLOTHES = (0.18, 0.75)  # "in red"

# Words that join two objects, in addition to words that end in "ing".
RELATIONS = {
    "next", "beside", "near", "behind", "under", "below", "beneath", "above", "over", "on", "in", "inside", "with",
    "by", "at", "against", "between", "from", "of", "to", "that", "who", "which", "around", "along", "through", "for",
}  # fmt: skip
ORDINALS = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4}
