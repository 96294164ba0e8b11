#pragma once

namespace CLI {
class App;
}

// The verbs in the order of --help, and one line about each. add_<verb>, in cmd-<verb>.cpp, gives it its options, its
// help, and as its callback the work.
#define MAGNET_VERBS(verb)                                                                                             \
    verb(embed, "turn texts into vectors, or compare them") verb(infill, "fill the gaps in a text")                    \
        verb(generate, "continue a text, or answer a chat message")                                                    \
            verb(score, "log-probability of texts, continuations and filled gaps")                                     \
                verb(tokens, "show how a text is cut into tokens")                                                     \
                    verb(info, "show what a model file and its adapters hold")                                         \
                        verb(mask, "draw who sees whom in a text with gaps")                                           \
                            verb(train, "train a LoRA adapter on text and pairs")                                      \
                                verb(merge, "write model and adapter as one model")                                    \
                                    verb(eval, "measure a model and its adapters on files")                            \
                                        verb(models, "list the models that are known by name")

namespace magnet_cli {

#define MAGNET_DECLARE(name, about) void add_##name(CLI::App & verb);
MAGNET_VERBS(MAGNET_DECLARE)
#undef MAGNET_DECLARE

} // namespace magnet_cli
