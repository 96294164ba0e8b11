#include "names.h"

#include "magnet.h"

namespace magnet_cli {

const names & pooling_names() {
    static const names table{
        {"last", MAGNET_POOLING_LAST}, {"mean", MAGNET_POOLING_MEAN}, {"weighted-mean", MAGNET_POOLING_WEIGHTED_MEAN}};
    return table;
}

const names & attention_names() {
    static const names table{{"bidirectional", MAGNET_ATTENTION_BIDIRECTIONAL}, {"causal", MAGNET_ATTENTION_CAUSAL}};
    return table;
}

const names & context_names() {
    static const names table{
        {"hybrid", MAGNET_CONTEXT_HYBRID}, {"ordered", MAGNET_CONTEXT_ORDERED}, {"left", MAGNET_CONTEXT_LEFT},
        {"fim", MAGNET_CONTEXT_FIM}};
    return table;
}

const names & trained_context_names() {
    static const names table(context_names().begin(), context_names().end() - 1); // all but fim, which needs no adapter
    return table;
}

const names & truncate_names() {
    static const names table{
        {"error", MAGNET_TRUNCATE_ERROR}, {"head", MAGNET_TRUNCATE_HEAD}, {"tail", MAGNET_TRUNCATE_TAIL}};
    return table;
}

const names & precision_names() {
    static const names table{
        {"float32", MAGNET_PRECISION_FLOAT32}, {"int8", MAGNET_PRECISION_INT8}, {"binary", MAGNET_PRECISION_BINARY}};
    return table;
}

const names & engine_names() {
    static const names table{
        {"auto", MAGNET_ENGINE_AUTO}, {"fused", MAGNET_ENGINE_FUSED}, {"graph", MAGNET_ENGINE_GRAPH}};
    return table;
}

const names & weights_names() {
    static const names table{
        {"auto", MAGNET_WEIGHTS_AUTO}, {"copied", MAGNET_WEIGHTS_COPIED}, {"stored", MAGNET_WEIGHTS_STORED}};
    return table;
}

const names & cache_type_names() {
    static const names table{{"f16", MAGNET_CACHE_F16}, {"q8_0", MAGNET_CACHE_Q8_0}};
    return table;
}

const names & log_level_names() {
    static const names table{
        {"debug", MAGNET_LOG_DEBUG}, {"info", MAGNET_LOG_INFO}, {"warn", MAGNET_LOG_WARN}, {"error", MAGNET_LOG_ERROR}};
    return table;
}

const names & stop_names() {
    static const names table{{"length", MAGNET_STOP_LENGTH},   {"end", MAGNET_STOP_END},
                             {"string", MAGNET_STOP_STRING},   {"cancelled", MAGNET_STOP_CANCELLED},
                             {"context", MAGNET_STOP_CONTEXT}, {"grammar", MAGNET_STOP_GRAMMAR},
                             {"none", MAGNET_STOP_NONE},       {"until", MAGNET_STOP_UNTIL},
                             {"repeat", MAGNET_STOP_REPEAT}};
    return table;
}

const names & until_names() {
    static const names table{{"line", MAGNET_UNTIL_LINE},
                             {"sentence", MAGNET_UNTIL_SENTENCE},
                             {"paragraph", MAGNET_UNTIL_PARAGRAPH}};
    return table;
}

const names & role_names() {
    static const names table{
        {"context", MAGNET_ROLE_CONTEXT}, {"ordered", MAGNET_ROLE_ORDERED}, {"span", MAGNET_ROLE_SPAN}};
    return table;
}

const char * name_of(const names & table, int32_t value) {
    for (const auto & [name, number] : table) {
        if (number == value) {
            return name;
        }
    }
    return "?";
}

std::string words_of(const names & table) {
    std::string all;
    for (const auto & entry : table) {
        all += (all.empty() ? "" : "|") + std::string(entry.first);
    }
    return all;
}

} // namespace magnet_cli
