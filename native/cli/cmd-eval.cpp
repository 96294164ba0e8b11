#include "error.h"
#include "eval.h"
#include "names.h"
#include "verbs.h"

namespace magnet_cli {

namespace {

const names gap_names{{"sentences", MAGNET_EVAL_GAPS_SENTENCES}, {"spans", MAGNET_EVAL_GAPS_SPANS}, {"given", MAGNET_EVAL_GAPS_GIVEN}};
const names word_names{
    {"mean", MAGNET_EVAL_WORD_MEAN},
    {"first", MAGNET_EVAL_WORD_FIRST},
    {"last", MAGNET_EVAL_WORD_LAST},
    {"previous", MAGNET_EVAL_WORD_PREVIOUS}};
const names task_names{{"pos", MAGNET_EVAL_TASK_POS}, {"chunk", MAGNET_EVAL_TASK_CHUNK}, {"ner", MAGNET_EVAL_TASK_NER}};

} // namespace

static void add_limit(eval_command & c, option_group & group, const char * help) {
    group.value("--limit", c.params.limit, "N", help, between(1, 1 << 30));
}

// How texts become vectors, in the struct of a protocol.
template <typename Protocol>
static void add_embedding(eval_command & c, option_group & group, Protocol & p) {
    group.choices("--pooling", c.own.list(p.poolings, p.n_poolings), pooling_names(),
                  "tokens that make the vector (default: the adapter's, else mean)");
    group.choices("--attention", c.own.list(p.attentions, p.n_attentions), attention_names(),
                  "what tokens see (default: the adapter's, else bidirectional)");
    group.value("--instruction", c.own.text(p.instruction), "TEXT", "prefix of every text (default: the adapter's)");
}

static void add_unique(eval_command & c, option_group & group, const char * what) {
    group.flag("--unique", c.params.unique, std::string("leave out ") + what + " whose text stands earlier in the file");
}

static void sts_protocol(CLI::App & verb) {
    add_protocol(verb,
                 {"sts", MAGNET_EVAL_STS, "similarity: rank correlation of cosines with gold scores",
                  "TSV: score, text, text",
                  "Example:\n"
                  "  magnet eval sts -m model.gguf --pooling last,mean stsb-dev.tsv\n"
                  "\n"
                  "Spearman's correlation x100; equal values share the mean of their ranks."},
                 [](eval_command & c, option_group & group) {
                     add_embedding(c, group, c.params.sts);
                     add_unique(c, group, "pairs");
                     add_limit(c, group, "pairs, from the first (default all)");
                 });
}

static void infill_protocol(CLI::App & verb) {
    add_protocol(
        verb,
        {"infill", MAGNET_EVAL_INFILL, "gaps: perplexity and token accuracy, from the left and from both sides",
         "TSV of a story's sentences; --gaps spans: paragraphs; --gaps given: JSON Lines",
         "Examples:\n"
         "  magnet eval infill -m model.gguf stories.tsv\n"
         "  magnet eval infill -m model.gguf --gaps spans --span-min 8 --span-max 32 prose.txt\n"
         "\n"
         "Every context is measured on the same gaps. A story's gap is one of its inner sentences, a span's\n"
         "length and place are drawn; the same seed draws the same. With --room, end.CONTEXT is the share of gaps\n"
         "whose true text is followed by END, and is not cut by it before, if tokens are the likeliest ones."},
        [](eval_command & c, option_group & group) {
            magnet_eval_infill & p = c.params.infill;
            group.choices("--context", c.own.list(p.contexts, p.n_contexts), context_names(), "what is compared (default left,hybrid,ordered; fim too if the model has it)");
            group.choice("--gaps", p.gaps, gap_names, "what is left out (default sentences)");
            group.value("--n-gaps", p.n_gaps, "N", with_default("gaps of a row", p.n_gaps));
            group.value("--room", p.room, "N", "open gaps of N places, to be ended by END (default: exact gaps)");
            group.value("--span-min", p.span_min, "N", with_default("tokens of a span, at least", p.span_min));
            group.value("--span-max", p.span_max, "N", with_default("tokens of a span, at most", p.span_max));
            auto * filled = group.value("--max-tokens", p.max_tokens, "N",
                                        "fill given gaps too, with the likeliest tokens, N at most");
            group.choice("--until", p.until, until_names(), "such a filling ends with its first line, sentence or paragraph")->needs(filled);
            group.value("--window", p.window, "N", with_default("tokens read of a paragraph", p.window));
            group.value("--seed", p.seed, "N", with_default("of the gaps' places", p.seed));
            add_unique(c, group, "rows");
            add_limit(c, group, "rows, from the first (default all)");
        });
}

static void perplexity_protocol(CLI::App & verb) {
    add_protocol(verb,
                 {"perplexity", MAGNET_EVAL_PERPLEXITY, "causal perplexity of a text", "plain text",
                  "Example:\n"
                  "  magnet eval perplexity -m model.gguf --limit 40 wiki.txt\n"
                  "\n"
                  "Windows do not overlap; the first token of each is not predicted."},
                 [](eval_command & c, option_group & group) {
                     group.value("--window", c.params.perplexity.window, "N", with_default("tokens of a window", c.params.perplexity.window));
                     add_limit(c, group, "windows, from the first (default all)");
                 });
}

static void repetition_protocol(CLI::App & verb) {
    add_protocol(
        verb,
        {"repetition", MAGNET_EVAL_REPETITION, "repeated sentences and 4-grams in continuations of prefixes",
         "plain text, a paragraph a line",
         "Example:\n"
         "  magnet eval repetition -m model.gguf --limit 100 --max-tokens 256 wiki.txt\n"
         "\n"
         "Rep-Sen and Rep-4 are the shares of sentences and token 4-grams that stood before in the same\n"
         "continuation, averaged over continuations. The i-th prefix is sampled with seed + i."},
        [](eval_command & c, option_group & group) {
            magnet_eval_repetition & p = c.params.repetition;
            group.value("--prefix-words", p.prefix_words, "N", with_default("words of a prefix", p.prefix_words));
            group.value("--max-tokens", p.max_tokens, "N", with_default("tokens of a continuation", p.max_tokens));
            add_limit(c, group, "paragraphs that are long enough, from the first (default all)");
            group.value("--seed", p.seed, "N", with_default("of the first prefix; the i-th has seed + i", p.seed));
            magnet_sampling_params & how = p.sampling;
            group.value("--temperature", how.temperature, "X",
                        with_default("0 = always the likeliest token", how.temperature));
            group.value("--top-k", how.top_k, "K", with_default("choose among the K likeliest, 0 = off", how.top_k));
            group.value("--top-p", how.top_p, "P",
                        with_default("choose among those that make up P, 1 = off", how.top_p));
            group.value("--min-p", how.min_p, "P",
                        with_default("leave out those below P times the likeliest, 0 = off", how.min_p));
            group.value("--repeat-penalty", how.repeat_penalty, "X",
                        with_default("divide the logits of repeated tokens, 1 = off", how.repeat_penalty));
        });
}

static void probe_protocol(CLI::App & verb) {
    add_protocol(
        verb,
        {"probe", MAGNET_EVAL_PROBE, "what frozen token vectors know of words: POS, chunk, NER",
         "CoNLL columns to judge by: word, POS, chunk, NER",
         "Example:\n"
         "  magnet eval probe -m model.gguf --train eng.train --train-limit 4000 eng.testa\n"
         "\n"
         "A softmax regression for each task and attention, on standardised vectors. The strength of L2 is the\n"
         "one that does best on every tenth training sentence, which the first fits leave out."},
        [](eval_command & c, option_group & group) {
            magnet_eval_probe & p = c.params.probe;
            group.value("--train", c.own.text(p.train_file), "FILE", "CoNLL columns to learn from")->required();
            group.value("--train-limit", p.train_limit, "N", "sentences of it, from the first (default all)",
                        between(1, 1 << 30));
            add_limit(c, group, "sentences to judge by, from the first (default all)");
            group.choices("--task", c.own.list(p.tasks, p.n_tasks), task_names, "what is probed (default all)");
            group.choices("--attention", c.own.list(p.attentions, p.n_attentions), attention_names(), "what tokens see (default both)");
            group.choice("--word", p.word, word_names, "a word's vector, of its tokens' (default mean)");
            group.value("--instruction", c.own.text(p.instruction), "TEXT", "prefix of every sentence (default none)");
            group.value("--l2", c.own.list(p.l2, p.n_l2), "X,...", "strengths of L2 to choose from (default 1e-2,1e-3,1e-4)")
                ->delimiter(',');
        });
}

static void choice_protocol(CLI::App & verb) {
    add_protocol(verb,
                 {"choice", MAGNET_EVAL_CHOICE, "multiple choice by log-likelihood",
                  "JSONL: \"query\", \"choices\", and \"gold\", the index of the right one",
                  "Examples:\n"
                  "  magnet eval choice -m model.gguf hellaswag.jsonl\n"
                  "  magnet eval choice -m model.gguf --prompt $'\\nAnswer:' arc_easy.jsonl\n"
                  "\n"
                  "A space and the option continue query and prompt. The option with the highest log-likelihood per\n"
                  "character wins (accuracy.characters), per token, or as a whole (accuracy.sum)."},
                 [](eval_command & c, option_group & group) {
                     group.value("--prompt", c.own.text(c.params.choice.prompt), "TEXT", "put behind every query");
                     add_unique(c, group, "questions");
                     add_limit(c, group, "questions, from the first (default all)");
                 });
}

static void retrieval_protocol(CLI::App & verb) {
    add_protocol(
        verb,
        {"retrieval", MAGNET_EVAL_RETRIEVAL, "nDCG@10, MRR and recall@k of documents ranked by cosine",
         "queries, TSV: id, text",
         "Example:\n"
         "  magnet eval retrieval -m model.gguf --documents docs.tsv --relevance qrels.tsv queries.tsv\n"
         "\n"
         "Queries without a relevant document (grade above 0) are left out. A document that is longer than\n"
         "--ctx is read from its beginning."},
        [](eval_command & c, option_group & group) {
            group.value("--documents", c.own.text(c.params.retrieval.documents), "FILE", "TSV: id, text")->required();
            group.value("--relevance", c.own.text(c.params.retrieval.relevance), "FILE", "query, document, grade; or qrels of TREC")->required();
            group.value("--cutoff", c.own.list(c.params.retrieval.cutoffs, c.params.retrieval.n_cutoffs), "K,...", "k of recall@k (default 1,10,100)")->delimiter(',');
            add_embedding(c, group, c.params.retrieval);
            group.value("--document-instruction", c.own.text(c.params.retrieval.document_instruction), "TEXT",
                        "prefix of documents (default: that of queries if given, else the adapter's)");
            auto * words = group.flag("--bm25", c.params.retrieval.bm25, "also what words alone find, and the fusion of both");
            group.value("--fusion", c.params.retrieval.fusion, "X", with_default("share of the cosine in the fusion", c.params.retrieval.fusion))->needs(words);
            add_unique(c, group, "queries and documents");
        });
}

void add_eval(CLI::App & verb) {
    sts_protocol(verb);
    infill_protocol(verb);
    perplexity_protocol(verb);
    repetition_protocol(verb);
    probe_protocol(verb);
    choice_protocol(verb);
    retrieval_protocol(verb);
    verb.require_subcommand(0, 1)->allow_extras(); // after the protocols, which inherit it
    verb.callback([&verb] {
        if (verb.get_subcommands().empty()) {
            const std::vector<std::string> words = verb.remaining();
            throw usage_error(words.empty() ? "name a protocol, such as sts or infill"
                                            : "magnet eval has no protocol \"" + words[0] + "\"");
        }
    });
    set_help(verb, "PROTOCOL [options] FILE",
             "Example:\n"
             "  magnet eval infill -m model.gguf --adapter mine.gguf stories.tsv\n"
             "\n"
             "Each protocol has its own --help. A line a figure: its name, its value, on how many pairs, tokens,\n"
             "words, questions or queries it was measured, and the 95 % interval.");
}

} // namespace magnet_cli
