"""The texts behind the golden files of the default model, written for them."""

SENTENCES = [
    "Yes.",
    "Rain again",
    "The ferry leaves at dawn.",
    "A heron stood in the reeds, perfectly still.",
    "Nobody had expected the bridge to hold, yet it did.",
    "Invoice 20417 came to 1,396.50 EUR (VAT included), due 14/03/2025.",
    "Où est passée la clé du grenier ? Elle était là, près du théâtre !",
    "Ο γάτος κοιμάται πάνω στο ψωμί.",
    "今日は雨が降っているので、家で本を読みます。",
    "We made it to the summit 🏔️🎉 and our fingers were frozen 🥶!",
    "\"Who's there?\" she whispered; the door -- half open -- did not answer...",
    "for (int i = 0; i < n; ++i) { sum += x[i] * y[i]; }",
    "Dear all,\n\tplease find the minutes below.\n\nBest,\nM.",
    "Two  spaces   and then\u00a0a no-break one.",
    "WARNING: DO NOT open valve #3 while the pump is running!!!",
    "She sells honey at the market on Saturdays, and on Sundays she walks to the monastery to see the bees.",
    "The committee found that most of the delays were caused not by the weather, as the operator had claimed, but by a "
    "shortage of spare parts.",
    "When the old lighthouse keeper finally retired, the village gave him a clock, a chair and a telescope, so that he "
    "could sit by his window, count the ships that passed the headland, and complain, as he had done every evening for "
    "thirty-one years, that the young captains came far too close to the rocks.",
]

# Text and gap in turn, as they are joined without anything between them.
STORIES = [
    [
        "Mara wanted to bake bread for her neighbour. She found that there was no flour left.",
        " So she walked to the shop and bought a bag.",
        " In the afternoon she carried the warm loaf next door.",
    ],
    [
        "Tom's kite was stuck in the tall oak.",
        " His sister climbed up and pulled it free.",
        " Tom hugged her and promised to fly it on the beach from now on.",
    ],
    [
        "The museum opened a new room last week.",
        " It shows letters that sailors wrote home.",
        " Visitors read them in silence. Many leave with tears in their eyes.",
    ],
    [
        "Our train stopped in the middle of a field. The driver said that a",
        " cow",
        " was standing on the rails. It took an hour until it walked away.",
    ],
    [
        "Ines had never spoken in front of so many people. Her hands were shaking.",
        " Then she saw her grandfather smile in the first row, and the words came by themselves.",
        " When she finished, the whole hall stood up and clapped.",
    ],
    [
        "The recipe asks for two eggs, ",
        "a cup of sugar and a pinch of salt",
        ". Beat the eggs and the sugar until the mixture is pale, then add the salt.",
    ],
    [
        "In winter the lake freezes and the children skate on it.",
        " In spring the ice melts.",
        " The boats come out of the sheds.",
        " In summer everybody swims.",
        " Only in autumn is the water left to the ducks.",
    ],
    [
        "The detective looked at the broken window. There was",
        " no glass on the floor",
        ", so it had been broken from the inside. She turned to the butler,",
        " who had gone pale",
        ", and asked him where he had been at midnight.",
    ],
    [
        "Paulo lost his wallet on the bus.",
        " The next day a woman called him. She had found it under a seat.",
        " He thanked her with flowers.",
        " She told him that she had lost her own wallet once.",
        " They have been friends ever since.",
    ],
    [
        "The radio said that a storm was coming.",
        " We tied down the boat and closed the shutters.",
        "",
    ],
]
