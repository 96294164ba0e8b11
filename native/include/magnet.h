/*
 * magnet.h: one decoder-only language model that embeds, infills and generates, in your process.
 *
 *     struct magnet_model   * model   = NULL;
 *     struct magnet_adapter * adapter = NULL;
 *     struct magnet_session * session = NULL;
 *     if (magnet_model_load("smollm2.gguf", NULL, &model)                  != MAGNET_STATUS_OK ||
 *         magnet_adapter_load(model, "smollm2.magnet.gguf", &adapter)      != MAGNET_STATUS_OK ||
 *         magnet_session_create(model, NULL, &session)                     != MAGNET_STATUS_OK ||
 *         magnet_session_set_adapters(session, &adapter, NULL, 1)          != MAGNET_STATUS_OK) {
 *         fprintf(stderr, "%s\n", magnet_last_error());
 *         return 1;
 *     }
 *     struct magnet_part parts[] = {
 *         { .type = MAGNET_PART_TEXT, .text = { "Tom lost his keys. ", -1 } },
 *         { .type = MAGNET_PART_GAP },
 *         { .type = MAGNET_PART_TEXT, .text = { " At last he could sleep in his own bed.", -1 } },
 *     };
 *     struct magnet_result * result = NULL;
 *     if (magnet_infill(session, parts, 3, NULL, &result) == MAGNET_STATUS_OK) {
 *         printf("%.*s\n", result->spans[0].text_size, result->spans[0].text);
 *     }
 *     magnet_result_free(result);
 *     magnet_session_free(session);
 *     magnet_adapter_free(adapter);
 *     magnet_model_free(model);
 *
 * Conventions
 * - Every call that can fail returns a status (enum magnet_status, 0 = OK, negative = failure) and leaves a message in
 *   magnet_last_error(). No exception, abort or print ever leaves the library, and a failed call leaves its session
 *   usable unless its comment says otherwise.
 * - Output parameters are named out_*. A pointer to a handle must be NULL on entry and stays NULL on failure.
 * - Optional parameter structs: NULL means the defaults; otherwise start from magnet_*_default_params().
 * - Text is UTF-8, given with its size in bytes (-1 = ends at the first NUL). Invalid UTF-8 is refused, with the offset.
 * - Text is what it says: "<|im_end|>" in it is ten characters and no control token, unless parse_special is set, which
 *   only magnet_tokenize, magnet_generate and magnet_chat_tokens have. Control tokens of a chat are its template's.
 * - Buffers are the caller's. Where it says "asks for the size", passing a NULL buffer with capacity 0 writes the
 *   number of elements needed and succeeds; a buffer that is too small fails with MAGNET_STATUS_BUFFER_TOO_SMALL, writes
 *   the number needed and nothing else.
 * - Callbacks return: a C++ exception or a longjmp out of one, through the library, ends the process.
 * - Thread-safety: models and adapters may be shared by any number of threads. A session is used by one thread at a
 *   time; a second call while one is running fails with MAGNET_STATUS_BUSY (magnet_session_cancel excepted).
 * - D is the width of the model (magnet_model_info.n_embd), V the size of its vocabulary.
 */
#ifndef MAGNET_H
#define MAGNET_H

#include <stdbool.h>
#include <stdint.h>

#if defined(_WIN32)
#    ifdef MAGNET_BUILD
#        define MAGNET_API __declspec(dllexport)
#    else
#        define MAGNET_API __declspec(dllimport)
#    endif
#else
#    define MAGNET_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Changes whenever a struct or the meaning of a call changes. Compare it with magnet_abi_version() of the library. */
#define MAGNET_ABI_VERSION 3

/* ------------------------------------------------------------------------------------------------ library */

enum magnet_status {
    MAGNET_STATUS_OK               = 0,
    MAGNET_STATUS_INVALID_ARGUMENT = -1, /* a parameter is out of range; the message names it                     */
    MAGNET_STATUS_IO               = -2, /* a file cannot be opened, read or written                              */
    MAGNET_STATUS_BAD_FILE         = -3, /* not a GGUF file, truncated, or inconsistent                           */
    MAGNET_STATUS_UNSUPPORTED      = -4, /* the architecture, or this model, cannot do what is asked              */
    MAGNET_STATUS_MISMATCH         = -5, /* adapter and model do not belong together                              */
    MAGNET_STATUS_TOO_LONG         = -6, /* more tokens than the model or the session reads                       */
    MAGNET_STATUS_OUT_OF_MEMORY    = -7,
    MAGNET_STATUS_CANCELLED        = -8, /* by a progress callback or magnet_session_cancel, before a result      */
    MAGNET_STATUS_BUSY             = -9, /* another thread is inside a call on this session                       */
    MAGNET_STATUS_BUFFER_TOO_SMALL = -10,
    MAGNET_STATUS_INTERNAL         = -11, /* a defect of the library or of llama.cpp; please report the message   */
    MAGNET_STATUS_DIVERGED         = -12, /* training: a loss is no finite number; the message names the step     */
};

MAGNET_API int32_t      magnet_abi_version(void);
MAGNET_API const char * magnet_version(void);          /* "0.1.0 (llama.cpp v0.5.0)"; static                      */
MAGNET_API const char * magnet_status_name(int32_t status); /* "INVALID_ARGUMENT"; static; "UNKNOWN" for others    */

/* What runs on this machine, and why. Texts are static, save for threads_reason, which holds until the calling thread's
 * next call of this function. */
struct magnet_system_info {
    const char * platform;       /* what the library was built for, as natives jars are named: "linux-x86_64"        */
    const char * cpu;            /* what the processor calls itself, else ""                                         */
    const char * cpu_features;   /* instruction sets it has and the system allows, of those that kernels ask for     */
    const char * kernels;        /* of the fused engine: the first of usable_kernels                                 */
    const char * usable_kernels; /* what library and processor have in common, best first: "amx avx512 generic"      */
    const char * llama_kernels;  /* of llama.cpp's CPU backend: the variant chosen at run time, or what all of it was
                                    compiled for: "x86-64-v3", or "native", the processor that built it              */
    const char * threads_reason; /* why n_threads: "2 cores of 4 processors"                                         */
    int32_t      n_threads;      /* what a session takes unless told otherwise                                       */
    int32_t      n_processors;   /* that this process may use, two for a core with two hardware threads              */
};

MAGNET_API int32_t magnet_system_get_info(struct magnet_system_info * out_info);

/* Message of the last failed call on this thread; "" if the last call succeeded. Valid until this thread's next call. */
MAGNET_API const char * magnet_last_error(void);

enum magnet_log_level {
    MAGNET_LOG_DEBUG = 1,
    MAGNET_LOG_INFO  = 2,
    MAGNET_LOG_WARN  = 3,
    MAGNET_LOG_ERROR = 4,
};

/* One line without its newline. Called from any thread, never concurrently. */
typedef void (*magnet_log_callback)(int32_t level, const char * message, void * user_data);

/* Process-wide. NULL (the default) = silence. Returns after calls in progress to the former callback have ended. */
MAGNET_API void magnet_log_set(magnet_log_callback callback, void * user_data);

/* ------------------------------------------------------------------------------------------------ text, progress */

struct magnet_text {
    const char * data; /* UTF-8; NULL is allowed with size 0 or -1 and means ""                                    */
    int32_t      size; /* bytes, or -1 = up to the first NUL                                                       */
};

struct magnet_progress {
    int64_t done;
    int64_t total; /* in the unit that the call documents; 0 = not known                                           */
};

/* Returns false to stop the call, which then fails with MAGNET_STATUS_CANCELLED. */
typedef bool (*magnet_progress_callback)(const struct magnet_progress * progress, void * user_data);

/* ------------------------------------------------------------------------------------------------ model */

struct magnet_model;

/* What the fused engine multiplies with. Copies in bf16 are the fastest for passes of many tokens (prompts, embedding) and
 * what training needs. Without them it unpacks the file's quantised matrices as it reads them: a large model then takes
 * hardly more than its file. magnet_model_info says how much each takes. */
enum magnet_weights {
    MAGNET_WEIGHTS_AUTO   = 0, /* copied where memory allows when the weights are first needed, else stored; the log says so */
    MAGNET_WEIGHTS_COPIED = 1,
    MAGNET_WEIGHTS_STORED = 2, /* as the file stores them; matrices that are not quantised are copied all the same   */
};

struct magnet_model_params {
    int32_t                  n_gpu_layers; /* layers held by the GPU backend if one is built in; -1 = all, default 0 */
    magnet_progress_callback progress;     /* unit: 1/1000 of the file; may be NULL                                  */
    void *                   progress_user_data;
    bool                     use_mmap;     /* map the file instead of reading it (default true)                      */
    bool                     use_mlock;    /* keep it in RAM (default false)                                         */
    bool                     check_tensors; /* scan every weight for NaN and infinity while loading (default false)  */
    int32_t                  weights;      /* enum magnet_weights, default AUTO; the graph engine takes no notice    */
};

struct magnet_model_info {
    const char * architecture;   /* e.g. "llama"; borrowed from the model                                            */
    const char * description;    /* architecture, size and quantisation in words; borrowed                           */
    const char * name;           /* general.name of the file, else ""; borrowed                                      */
    int64_t      n_params;
    int64_t      n_bytes;        /* of all weights                                                                   */
    int32_t      n_vocab;        /* V                                                                                */
    int32_t      n_embd;         /* D: floats of one embedding                                                       */
    int32_t      n_layer;
    int32_t      n_head;
    int32_t      n_head_kv;
    int32_t      n_ctx_train;    /* tokens the model was trained to read                                             */
    int32_t      token_bos;      /* -1 = the vocabulary has none; so for all token_*                                 */
    int32_t      token_eos;
    int32_t      token_eot;
    int32_t      context;        /* enum magnet_context that a call without an adapter takes for DEFAULT             */
    bool         has_chat_template;
    bool         can_embed_bidirectional; /* false: recurrent or hybrid, the mask has no meaning there               */
    bool         can_infill;
    bool         has_fim_tokens; /* the vocabulary can ask for a middle: MAGNET_CONTEXT_FIM                          */
    bool         fused_engine;   /* the fused CPU engine covers this file; else llama.cpp's graph does the work      */
    int64_t      bytes_copied;   /* memory for the fused engine's weights, with copies of them; 0 = it does not cover them */
    int64_t      bytes_stored;   /* the same without copies                                                          */
    int64_t      bytes_available; /* memory that this process may still take, as AUTO sees it now                    */
    int64_t      cache_bytes_per_token; /* of a KV cache of 16 bits; 0 = the model has none whose size grows with tokens */
};

MAGNET_API struct magnet_model_params magnet_model_default_params(void);

/* Reads a GGUF file of a decoder-only model. IO, BAD_FILE, UNSUPPORTED (encoder-only, unknown architecture),
 * OUT_OF_MEMORY, CANCELLED.
 *
 * The file must stay as it is while the model is in use. The fused engine reads its weights from it when a session first
 * needs them, and fails with IO if the file was replaced, written to or removed since; the graph engine goes on. A mapped
 * file (use_mmap) that is cut short or written to in place takes its pages from under llama.cpp, which ends the process:
 * replace it by renaming another one over it, or load without use_mmap. */
MAGNET_API int32_t magnet_model_load(const char * path, const struct magnet_model_params * params,
                                     struct magnet_model ** out_model);

/* NULL is a no-op. Sessions and adapters keep the weights alive, so the order of freeing does not matter. */
MAGNET_API void magnet_model_free(struct magnet_model * model);

MAGNET_API int32_t magnet_model_get_info(const struct magnet_model * model, struct magnet_model_info * out_info);

enum magnet_engine {
    MAGNET_ENGINE_AUTO  = 0, /* fused where it covers the model, the adapters and the work, else graph                */
    MAGNET_ENGINE_FUSED = 1, /* MAGNET's own CPU engine; UNSUPPORTED where it does not cover model or adapters        */
    MAGNET_ENGINE_GRAPH = 2, /* llama.cpp's graph                                                                     */
};

/* Can magnet_train work on this model with an engine (enum magnet_engine; AUTO: with any)? OK, or UNSUPPORTED and the
 * message says what stands against it. The graph engine differentiates the model's graph to find out. */
MAGNET_API int32_t magnet_model_check_training(const struct magnet_model * model, int32_t engine);

/* GGUF metadata, index in [0, count). Keys and values as text, arrays left out by llama.cpp's own rendering.
 * Writes NUL-terminated UTF-8; out_size counts bytes without the NUL; NULL, 0 asks for the size. A count of 0: none, or the
 * call failed, and magnet_last_error() says why. */
MAGNET_API int32_t magnet_model_meta_count(const struct magnet_model * model);
MAGNET_API int32_t magnet_model_meta_key(const struct magnet_model * model, int32_t index, char * buffer,
                                         int32_t capacity, int32_t * out_size);
MAGNET_API int32_t magnet_model_meta_value(const struct magnet_model * model, int32_t index, char * buffer,
                                           int32_t capacity, int32_t * out_size);

/* ------------------------------------------------------------------------------------------------ tokens */

/* NULL, 0 asks for the size. add_special: put BOS / EOS where the vocabulary asks for it. parse_special: read
 * "<|im_end|>" and its like as control tokens instead of as plain text. */
MAGNET_API int32_t magnet_tokenize(const struct magnet_model * model, struct magnet_text text, bool add_special,
                                   bool parse_special, int32_t * out_tokens, int32_t capacity, int32_t * out_count);

/* Text of the tokens, NUL-terminated; bytes that are no UTF-8 (a cut character) become U+FFFD. out_size without the
 * NUL; NULL, 0 asks for the size. special: render control tokens as their names instead of leaving them out. */
MAGNET_API int32_t magnet_detokenize(const struct magnet_model * model, const int32_t * tokens, int32_t n_tokens,
                                     bool special, char * buffer, int32_t capacity, int32_t * out_size);

/* Raw bytes of one token, possibly part of a character; not NUL-terminated; NULL, 0 asks for the size. */
MAGNET_API int32_t magnet_token_bytes(const struct magnet_model * model, int32_t token, char * buffer,
                                      int32_t capacity, int32_t * out_size);

struct magnet_message {
    const char *       role; /* "system", "user", "assistant", ... */
    struct magnet_text content;
    const char *       tool_calls;   /* what the assistant called in this message, JSON: [{"type": "function", "function":
                                        {"name": "…", "arguments": {…}}}, …], as OpenAI has them; NULL = nothing        */
    const char *       tool_call_id; /* of a message with a call's result, where the template wants it; NULL = none     */
};

/* The prompt that the chat template in the model's file makes of a conversation, as Hugging Face's apply_chat_template. tools:
 * what the model may call, JSON as that function takes it: [{"type": "function", "function": {"name": "…", "description": "…",
 * "parameters": {a JSON schema of an object}}}, …]; NULL = nothing. add_assistant: end with the opening of the assistant's turn.
 * NUL-terminated; NULL, 0 asks for the size. INVALID_ARGUMENT with the template's own words where it refuses the messages (roles
 * that do not alternate), where it cannot be followed, and where there is no message. UNSUPPORTED if the file has no template
 * (what others put in its place (ChatML) is not tried), or none that speaks of tools where there are some. */
MAGNET_API int32_t magnet_chat_prompt(const struct magnet_model * model, const struct magnet_message * messages,
                                      int32_t n_messages, const char * tools, bool add_assistant, char * buffer,
                                      int32_t capacity, int32_t * out_size);

/* The same as tokens, for magnet_generate_token_ids. Control tokens are read in what the template writes; what messages
 * say is text, unless parse_special. No BOS is put in front: the template writes it where the model wants it. A role made
 * of letters, digits, '-' and '_' counts as the template's, which build control tokens from roles. NULL, 0 asks for the
 * size. */
MAGNET_API int32_t magnet_chat_tokens(const struct magnet_model * model, const struct magnet_message * messages,
                                      int32_t n_messages, const char * tools, bool add_assistant, bool parse_special,
                                      int32_t * out_tokens, int32_t capacity, int32_t * out_count);

/* GBNF, for magnet_sampling_params.grammar, of an answer that calls one of the tools, in the form that the model's template
 * shows calls in. name: of the tool to call, NULL = any. Arguments are valid by the tool's schema (INVALID_ARGUMENT as for
 * magnet_sampling_params.schema). NUL-terminated; NULL, 0 asks for the size. */
MAGNET_API int32_t magnet_tool_grammar(const struct magnet_model * model, const char * tools, const char * name, char * buffer,
                                       int32_t capacity, int32_t * out_size);

struct magnet_tool_call {
    const char * name;      /* NULL where the model began a call that cannot be read; then there is text alone       */
    const char * arguments; /* a JSON object; NULL likewise                                                          */
    const char * text;      /* as the model wrote it                                                                 */
};

/* Owned by the caller, freed as a whole by magnet_tool_calls_free. */
struct magnet_tool_calls {
    const char *                    content; /* what the answer says beside its calls                                */
    const struct magnet_tool_call * calls;   /* [n_calls]                                                            */
    int32_t                         n_calls;
};

/* The calls in an answer, in the form of the model's template: <tool_call> with {"name", "arguments"} or with <function=name>
 * and its <parameter=name>s, [TOOL_CALLS] and a list, or JSON alone. tools: those that the model was shown; their schemas say
 * whether a <parameter> is text; NULL = not known, JSON is taken as such. INVALID_ARGUMENT where they are no list of tools; what
 * the model wrote is never refused. */
MAGNET_API int32_t magnet_tool_calls_read(const struct magnet_model * model, const char * tools, struct magnet_text answer,
                                          struct magnet_tool_calls ** out_calls);
MAGNET_API void    magnet_tool_calls_free(struct magnet_tool_calls * calls); /* NULL is a no-op */

/* ------------------------------------------------------------------------------------------------ adapters */

enum magnet_pooling {
    MAGNET_POOLING_DEFAULT       = 0, /* the adapter's recipe; without one: MEAN                                      */
    MAGNET_POOLING_LAST          = 1, /* output at the last token, the appended EOS                                   */
    MAGNET_POOLING_MEAN          = 2, /* mean over the text's own tokens, instruction and EOS left out                */
    MAGNET_POOLING_WEIGHTED_MEAN = 3, /* the same, i-th token with weight i (SGPT, arXiv 2202.08904)                  */
};

enum magnet_attention {
    MAGNET_ATTENTION_DEFAULT       = 0, /* the adapter's recipe; without one: BIDIRECTIONAL                           */
    MAGNET_ATTENTION_BIDIRECTIONAL = 1, /* every token sees every token (all CONTEXT)                                 */
    MAGNET_ATTENTION_CAUSAL        = 2, /* stock llama.cpp (all SPAN)                                                 */
};

/* How infilling attends to the text around the gaps. */
enum magnet_context {
    MAGNET_CONTEXT_DEFAULT = 0, /* the adapter's recipe; without one: FIM if the model was trained on it, else ORDERED */
    MAGNET_CONTEXT_HYBRID  = 1, /* the paper's: context is bidirectional, spans see all of it                         */
    MAGNET_CONTEXT_ORDERED = 2, /* context is causal, spans see all of it: keeps the prefix cache                     */
    MAGNET_CONTEXT_LEFT    = 3, /* baseline: plain causal, what is right of a gap is not read                         */
    MAGNET_CONTEXT_FIM     = 4, /* the prompt that the vocabulary's fill-in-the-middle tokens make: docs/fim.md       */
};

struct magnet_adapter; /* a LoRA adapter (llama.cpp's GGUF format), with MAGNET's recipe in its metadata              */

struct magnet_adapter_info {
    const char * instruction;    /* prefix of a text to embed; "" = none; borrowed from the adapter                  */
    const char * document_instruction; /* prefix of a document, to be found by others; mostly the same; borrowed       */
    const char * architecture;   /* borrowed                                                                         */
    int32_t      recipe_version; /* 0 = no MAGNET recipe in the file: the fields below are the defaults              */
    int32_t      rank;           /* largest rank of its matrices                                                     */
    float        alpha;
    int32_t      n_matrices;
    int32_t      pooling;        /* enum magnet_pooling, never DEFAULT; so for the next two                          */
    int32_t      attention;
    int32_t      context;
    int32_t      token_mask;     /* stands for a masked token in MNTP; -1 = none                                     */
    int32_t      token_end;      /* ends an open gap; -1 = none: the vocabulary's EOS does                           */
    int32_t      open_room;      /* positions that open gaps had in training; 0 = unknown                            */
};

/* IO, BAD_FILE, MISMATCH (other architecture or shapes: nothing is loaded). The file is read here and never again: it may be
 * replaced or removed. */
MAGNET_API int32_t magnet_adapter_load(struct magnet_model * model, const char * path,
                                       struct magnet_adapter ** out_adapter);
MAGNET_API void    magnet_adapter_free(struct magnet_adapter * adapter); /* NULL is a no-op; sessions keep theirs      */
MAGNET_API int32_t magnet_adapter_get_info(const struct magnet_adapter * adapter, struct magnet_adapter_info * out_info);

/* ------------------------------------------------------------------------------------------------ session */

/* Whether llama.cpp's graph computes attention in one step, which is faster and rounds otherwise: results differ between
 * ON and OFF as between engines. */
enum magnet_flash_attention {
    MAGNET_FLASH_ATTENTION_AUTO = -1,
    MAGNET_FLASH_ATTENTION_OFF  = 0,
    MAGNET_FLASH_ATTENTION_ON   = 1,
};

/* How a session's KV cache keeps keys and values. */
enum magnet_cache_type {
    MAGNET_CACHE_F16  = 0, /* 16 bits: f16 in llama.cpp's graph, bf16 in the fused engine                             */
    MAGNET_CACHE_Q8_0 = 1, /* 8 bits, and a scale to 32 of them: little more than half the memory, results a little off;
                              INVALID_ARGUMENT with FLASH_ATTENTION_OFF; the graph engine wants heads of 32 n values  */
};

/* Work space of one thread: KV cache, buffers, the adapters in use. Cheap until first used; grows with the input. */
struct magnet_session;

struct magnet_session_params {
    int32_t n_ctx;           /* most tokens of one text (context + gaps + generated); 0 = what the model was trained for */
    int32_t batch;           /* most tokens of one pass over several texts on a GPU, [32, 65536], default 2048; a longer
                                single text takes a larger pass                                                       */
    int32_t n_threads;       /* >= 1, or -1 (default) = the physical cores that this process may use (CPU affinity, cgroup
                                quota), divided between the calls that run on the model's sessions at one time. No more
                                are used than there are processors; the log warns of that once                        */
    int32_t flash_attention; /* enum magnet_flash_attention, default AUTO                                            */
    int32_t engine;          /* enum magnet_engine, default AUTO                                                      */
    int32_t cache_type;      /* enum magnet_cache_type, default F16                                                   */
    bool    reuse_prefix;    /* take tokens that were encoded before from the cache (default true). Numbers then depend in
                                their last bits on what came before, and now and then a sampled token does. false: the
                                same call gives the same bits, whatever came before in the session and whatever runs
                                beside it                                                                            */
};

MAGNET_API struct magnet_session_params magnet_session_default_params(void);
MAGNET_API int32_t magnet_session_create(struct magnet_model * model, const struct magnet_session_params * params,
                                         struct magnet_session ** out_session);
MAGNET_API void    magnet_session_free(struct magnet_session * session); /* NULL is a no-op; not while a call runs      */

/* Adapters of all later calls on this session; scales[i] finite, NULL = all 1; n = 0 = the bare base; one named twice counts
 * with the sum of its scales. UNSUPPORTED: the session's engine is FUSED, which cannot adapt one of the tensors. The recipe
 * (pooling, instruction, ...) is that of the first adapter that has one, else that of the model if it is a merged one.
 * Changing adapters forgets the cached prefix. */
MAGNET_API int32_t magnet_session_set_adapters(struct magnet_session * session, struct magnet_adapter * const * adapters,
                                               const float * scales, int32_t n);

/* Stops the call that is running on this session, from any thread; without one it does nothing, and later calls are not
 * touched. Generate and infill return what they have (MAGNET_STOP_CANCELLED, which every gap that was not reached has
 * too); before their first token they fail with MAGNET_STATUS_CANCELLED, as the others do at any time. magnet_eval keeps
 * what is finished in its state. magnet_train has no session: its callback stops it. A call that has done its work
 * already succeeds. Cannot fail, and leaves magnet_last_error() alone. */
MAGNET_API void magnet_session_cancel(struct magnet_session * session);

/* Forgets the cached prefix. */
MAGNET_API int32_t magnet_session_reset(struct magnet_session * session);

/* ------------------------------------------------------------------------------------------------ embed */

enum magnet_truncate {
    MAGNET_TRUNCATE_ERROR = 0, /* a text that is too long fails the call (TOO_LONG), naming it                        */
    MAGNET_TRUNCATE_HEAD  = 1, /* keep its first tokens                                                               */
    MAGNET_TRUNCATE_TAIL  = 2, /* keep its last tokens                                                                */
};

struct magnet_embed_params {
    const char *             instruction; /* prefix of every text, never pooled; NULL = the adapter's, "" = none.
                                             Searches may want two: see document                                      */
    magnet_progress_callback progress;    /* unit: texts; may be NULL                                                 */
    void *                   progress_user_data;
    int32_t                  pooling;     /* enum magnet_pooling                                                      */
    int32_t                  attention;   /* enum magnet_attention                                                    */
    int32_t                  truncate;    /* enum magnet_truncate                                                     */
    int32_t                  max_tokens;  /* of one text with instruction and EOS; 0 = the session's n_ctx            */
    int32_t                  dimensions;  /* numbers of a vector: its first ones, in [1, D]; 0 = all D                */
    bool                     normalize;   /* L2 of what dimensions leaves, default true; a zero vector stays zero     */
    bool                     append_eos;  /* default true, as trained                                                 */
    bool                     document;    /* the texts are documents that queries are to find: without an instruction here
                                             they get the adapter's for documents                                     */
};

MAGNET_API struct magnet_embed_params magnet_embed_default_params(void);

/* One vector a text: out [n_texts, D], D being dimensions if they are given, so for those below; capacity in floats. On the
 * CPU a text has the same vector, to the bit, alone and among any others; on a GPU, where texts share passes, to rounding.
 * So for token vectors and scores.
 * An empty text is the embedding of instruction + EOS (of EOS alone without one, also when pooled by mean).
 * out_n_tokens [n_texts] (may be NULL) receives the tokens read, instruction and EOS counted. On failure out is
 * unspecified. BAD_FILE: a vector is not finite, by a damaged weight or an adapter too strong; so for those below. */
MAGNET_API int32_t magnet_embed(struct magnet_session * session, const struct magnet_text * texts, int32_t n_texts,
                                const struct magnet_embed_params * params, float * out, int64_t capacity,
                                int32_t * out_n_tokens);

/* Vectors of a text's own tokens (no instruction, no EOS): out [n_tokens, D], ids in out_tokens [n_tokens] (may be
 * NULL). capacity counts tokens; NULL, 0 asks for the size. Pooling is ignored; normalize is per token. */
MAGNET_API int32_t magnet_embed_tokens(struct magnet_session * session, struct magnet_text text,
                                       const struct magnet_embed_params * params, float * out, int32_t * out_tokens,
                                       int32_t capacity, int32_t * out_n_tokens);

/* One pooled vector, out [D], of token ids that the caller made: no instruction and no EOS is added, and all tokens are
 * the text's own. */
MAGNET_API int32_t magnet_embed_token_ids(struct magnet_session * session, const int32_t * tokens, int32_t n_tokens,
                                          const struct magnet_embed_params * params, float * out, int64_t capacity);

enum magnet_precision {
    MAGNET_PRECISION_FLOAT32 = 0, /* as they are                                                                      */
    MAGNET_PRECISION_INT8    = 1, /* int8_t; each vector scaled so that its largest number is 127 or -127, and rounded to
                                     the nearest: compare by cosine                                                   */
    MAGNET_PRECISION_BINARY  = 2, /* a bit a number, 1 where it is > 0; the first is the highest bit of the first byte, bits
                                     that are left over are 0 (numpy.packbits): compare by Hamming distance           */
};

/* Vectors [n_vectors, dimensions] in fewer bytes, one behind the other. out_size (may be NULL) receives the bytes of all;
 * NULL, 0 asks for the size. INVALID_ARGUMENT: a number is not finite. Any thread. */
MAGNET_API int32_t magnet_vectors_pack(const float * vectors, int64_t n_vectors, int32_t dimensions, int32_t precision,
                                       void * out, int64_t capacity, int64_t * out_size);

/* ------------------------------------------------------------------------------------------------ sampling */

struct magnet_logit_bias {
    int32_t token;
    float   bias; /* added to the logit; -INFINITY bans the token */
};

struct magnet_sampling_params {
    float                            temperature;       /* 0 = greedy                                                */
    float                            top_p;             /* (0, 1]; 1 = off                                           */
    float                            min_p;             /* [0, 1); 0 = off                                           */
    float                            repeat_penalty;    /* > 0; 1 = off                                              */
    float                            frequency_penalty; /* 0 = off                                                   */
    float                            presence_penalty;  /* 0 = off                                                   */
    int32_t                          top_k;             /* 0 = off                                                   */
    int32_t                          penalty_last_n;    /* tokens that the penalties look back; 0 = off, -1 = all    */
    int64_t                          seed;              /* [0, 2^32), or -1 = a new one each call                    */
    const char *                     grammar;           /* GBNF; NULL = none. Limits: docs/cli.md                    */
    const char *                     grammar_root;      /* NULL = "root"                                             */
    const char *                     schema;            /* JSON schema of the text, which then is JSON and valid; NULL = none.
                                                           Not beside grammar. What is supported: docs/json.md       */
    const struct magnet_logit_bias * logit_bias;        /* [n_logit_bias]                                            */
    int32_t                          n_logit_bias;
};

/* ------------------------------------------------------------------------------------------------ results */

enum magnet_stop {
    MAGNET_STOP_LENGTH      = 0, /* the asked length, or the maximum, is reached                                     */
    MAGNET_STOP_END         = 1, /* the model ended it (EOS, or the adapter's END token in an open gap)              */
    MAGNET_STOP_STRING      = 2, /* a stop string was found; the text ends before it                                 */
    MAGNET_STOP_CANCELLED   = 3, /* a callback returned false, or magnet_session_cancel                              */
    MAGNET_STOP_CONTEXT     = 4, /* no room left in n_ctx                                                            */
    MAGNET_STOP_GRAMMAR     = 5, /* the grammar is complete, or allows no further token                              */
    MAGNET_STOP_NONE        = 6, /* nothing was generated: the span was scored                                       */
    MAGNET_STOP_UNTIL       = 7, /* its line, sentence or paragraph is complete (magnet_infill_ends)                 */
    MAGNET_STOP_REPEAT      = 8, /* it began to repeat the text right of the gap, which was cut off                  */
};

struct magnet_candidate {
    int32_t token;
    float   logprob; /* natural log, of the model's own distribution (before penalties, temperature and truncation)  */
};

struct magnet_token {
    int32_t                         id;
    float                           logprob;     /* as above; NaN where nothing predicts it (a first token, no BOS)  */
    int32_t                         text_offset; /* where its bytes begin in the span's text                         */
    int32_t                         n_top;
    const struct magnet_candidate * top;         /* [n_top] best alternatives, best first; NULL if not asked for     */
};

/* What fills one gap, or continues a prompt, or was scored. */
struct magnet_span {
    const char *                text;      /* UTF-8, NUL-terminated                                                  */
    int32_t                     text_size; /* bytes                                                                  */
    int32_t                     n_tokens;
    const struct magnet_token * tokens;    /* [n_tokens]; an END token or EOS that stopped it is not among them      */
    double                      logprob;   /* sum over tokens, NaN ones left out                                     */
    double                      stop_logprob; /* of the END token or EOS that stopped it; 0 if none did              */
    int32_t                     item;      /* index of the item (magnet_score), or the text (magnet_generate); else 0   */
    int32_t                     part;      /* index of its gap among the parts; 0 for generate                       */
    int32_t                     stop;      /* enum magnet_stop                                                       */
};

/* One way to fill all gaps (magnet_infill). */
struct magnet_filling {
    const struct magnet_span * spans;         /* [n_spans] one a gap                                                 */
    int32_t                    n_spans;
    int32_t                    count;         /* candidates that came to this text                                   */
    int64_t                    seed;          /* of the first of them                                                */
    double                     score;         /* (gap_logprob + right_logprob) / (n_gap_tokens + n_right_tokens); NaN with
                                                 one filling alone, which is not scored                              */
    double                     gap_logprob;   /* of the fillings, each token given all before it, plain causal       */
    double                     right_logprob; /* of the text from the first gap on, so many tokens of it             */
    int32_t                    n_gap_tokens;
    int32_t                    n_right_tokens;
};

/* Owned by the caller, freed as a whole by magnet_result_free. */
struct magnet_result {
    const struct magnet_span *    spans;           /* infill: of the best filling                                    */
    const struct magnet_filling * fillings;        /* infill: [n_fillings] best first; else none                     */
    int32_t                       n_spans;
    int32_t                       n_fillings;
    int32_t                    n_prompt_tokens;    /* context tokens, those from the cache counted                   */
    int32_t                    n_reused_tokens;    /* of these, found in the session's cache                         */
    int32_t                    n_generated_tokens;
    double                     prompt_seconds;     /* until the first logits                                         */
    double                     generate_seconds;   /* the rest                                                       */
};

MAGNET_API void magnet_result_free(struct magnet_result * result); /* NULL is a no-op */

struct magnet_token_event {
    const char *        text;      /* text that became complete with this token; may be empty (half a character)     */
    int32_t             text_size; /* bytes                                                                          */
    int32_t             part;      /* index of the gap among the parts; 0 for generate                               */
    int32_t             index;     /* of the token in its span                                                       */
    int32_t             id;
    float               logprob;
};

/*
 * Returns false to stop: the call then succeeds with what it has (MAGNET_STOP_CANCELLED). The event is borrowed. Text that
 * might become a stop string waits; if it still waits at the end, one more event brings it, with the last token's index.
 */
typedef bool (*magnet_token_callback)(const struct magnet_token_event * event, void * user_data);

/* ------------------------------------------------------------------------------------------------ infill, score */

enum magnet_part_type {
    MAGNET_PART_TEXT = 0, /* given                                                                                   */
    MAGNET_PART_GAP  = 1, /* infill: to be filled; score: filled with text                                           */
};

struct magnet_part {
    int32_t            type;       /* enum magnet_part_type                                                          */
    struct magnet_text text;       /* TEXT: the text. GAP: what fills it (magnet_score only)                         */
    int32_t            length;     /* GAP: exact number of tokens, or 0 = open: the model ends it                    */
    int32_t            max_length; /* open GAP: most tokens; 0 = params.max_tokens                                   */
    bool               keep_space; /* TEXT before a gap: its last space stays in it (default false: see below)       */
};

/*
 * The space before a gap. Models join a space to the word behind it, so the last space of a text before a gap is read as
 * the beginning of what fills the gap, unless keep_space is set. The span's text leaves it out: texts and spans, joined as
 * they are, give the whole text. So "keys. " and "keys." are filled by the same tokens, in the first case without the
 * space in front. An empty text that is scored takes no space.
 */

/* A file of the same repository that helps to fill gaps. */
struct magnet_fim_file {
    const char * path; /* NULL = not told                                                                            */
    const char * text;
};

/* What a FIM prompt says beside the text around a gap (context FIM only; INVALID_ARGUMENT elsewhere). UNSUPPORTED where the
 * vocabulary has no tokens for it. */
struct magnet_fim_params {
    const char *                   repository; /* its name; NULL = not told                                          */
    const char *                   path;       /* of the file with the gaps; NULL = not told                         */
    const struct magnet_fim_file * files;      /* [n_files] others, the nearest last                                 */
    int32_t                        n_files;
};

enum magnet_until {
    MAGNET_UNTIL_NONE      = 0,
    MAGNET_UNTIL_LINE      = 1, /* the text ends before the first line break behind something visible                */
    MAGNET_UNTIL_SENTENCE  = 2, /* behind the first sentence: a terminator with its closing quotes, as training cuts */
    MAGNET_UNTIL_PARAGRAPH = 3, /* before the first blank line behind something visible                              */
};

/* How the text of open gaps ends, beside the tokens that end it. Gaps of exact length have their length. */
struct magnet_infill_ends {
    const char * const * stop;       /* [n_stop] stop strings, as of magnet_generate                                 */
    int32_t              n_stop;
    int32_t              until;      /* enum magnet_until, default NONE                                              */
    bool                 cut_repeat; /* default true: the beginning of the text right of the gap, where a filling repeats
                                        it at its end, is cut off (8 visible characters or more, or all of that text);
                                        at 16 the filling ends                                                       */
};

/* Fillings to choose from. They are sampled together from one context, which is read once, with the seeds seed, seed + 1, ...
 * (mod 2^32); those of the same text are merged, and the rest ranked by magnet_filling.score, which compares fillings of any
 * context. on_token is not called for several. */
struct magnet_infill_candidates {
    int32_t n;     /* [1, 256], default 1; for more, sampling.temperature must be above 0                            */
    int32_t right; /* tokens behind the last gap that count in the score, at most; default 64                        */
};

struct magnet_infill_params {
    struct magnet_sampling_params sampling;   /* default: greedy                                                     */
    magnet_token_callback         on_token;   /* may be NULL                                                         */
    void *                        on_token_user_data;
    struct magnet_fim_params      fim;
    struct magnet_infill_ends     ends;
    struct magnet_infill_candidates candidates;
    int32_t                       context;    /* enum magnet_context                                                 */
    int32_t                       max_tokens; /* most tokens of an open gap that names no number, default 64         */
    int32_t                       top;        /* alternatives to report per token, [0, 100], default 0               */
};

MAGNET_API struct magnet_infill_params magnet_infill_default_params(void);

/*
 * Fills every gap, in order, each seeing all context and the gaps filled before it. One span a gap in *out_result.
 *
 * The context is encoded once; gaps are decoded with the KV cache. With ORDERED context the part of the context that is
 * unchanged since the session's last call is not encoded again (reuse_prefix). With HYBRID context all of it is one pass.
 * Text behind a gap keeps its distance: a gap of length n takes n positions, an open one its most tokens, or
 * magnet_adapter_info.open_room if that is more: where the model learned it, the distance of open gaps says nothing.
 * An open gap ends with an end-of-text token or the adapter's END, not before its first token.
 * With FIM each gap has a prompt of its own, in which gaps before it are text and gaps behind it are left out; spaces stay
 * where they are (keep_space); any control token ends an open gap, which may be empty. UNSUPPORTED without FIM tokens,
 * INVALID_ARGUMENT with an adapter trained for HYBRID. n_prompt_tokens and n_reused_tokens then count all prompts.
 * A gap at the very start is predicted from BOS, put before it; a vocabulary without BOS fails with UNSUPPORTED.
 * Context is tokenised part by part, the space before a gap with the gap (magnet_part). At least one part must be a gap;
 * adjacent gaps and empty texts are allowed.
 */
MAGNET_API int32_t magnet_infill(struct magnet_session * session, const struct magnet_part * parts, int32_t n_parts,
                                 const struct magnet_infill_params * params, struct magnet_result ** out_result);

struct magnet_score_item {
    const struct magnet_part * parts; /* gaps carry the text to be scored; a continuation is a gap at the end        */
    int32_t                    n_parts;
};

struct magnet_score_params {
    magnet_progress_callback progress; /* unit: items; may be NULL                                                   */
    void *                   progress_user_data;
    struct magnet_fim_params fim;
    int32_t                  context;  /* enum magnet_context                                                        */
    int32_t                  top;      /* alternatives to report per token, [0, 100], default 0                      */
};

MAGNET_API struct magnet_score_params magnet_score_default_params(void);

/*
 * log p of what fills the gaps of each item, token by token, given the item's context: what magnet_infill reports for the
 * tokens that it chooses, but for rounding (it decodes token by token, this reads a row at once). One span a gap, items in
 * order. A gap's length, if > 0, is the number of positions it takes (INVALID_ARGUMENT if its text has more tokens); a gap with a max_length is open and takes what it takes in magnet_infill,
 * or its own tokens if that is more; with neither it takes its own tokens. Text behind it moves right by the rest. A gap
 * that starts a text is predicted from BOS where the vocabulary has one, else its first token has no prediction (NaN).
 */
MAGNET_API int32_t magnet_score(struct magnet_session * session, const struct magnet_score_item * items, int32_t n_items,
                                const struct magnet_score_params * params, struct magnet_result ** out_result);

/* ------------------------------------------------------------------------------------------------ mask */

enum magnet_role {
    MAGNET_ROLE_SPAN    = 0,
    MAGNET_ROLE_CONTEXT = 1,
    MAGNET_ROLE_ORDERED = 2,
};

/* One token of a laid out template. */
struct magnet_slot {
    int32_t token; /* -1 = an unfilled place in a gap                                                                */
    int32_t pos;
    int32_t role;  /* enum magnet_role                                                                               */
    int32_t part;  /* index of its part, -1 = a control token put in: BOS, those of FIM                              */
};

/* How infill lays out parts: tokens, positions and roles. Gaps with text hold it; an open gap shows max_length slots.
 * NULL, 0 asks for the size. context: enum magnet_context (DEFAULT as of a session without adapters). FIM lays out one gap:
 * INVALID_ARGUMENT for more. */
MAGNET_API int32_t magnet_layout(const struct magnet_model * model, const struct magnet_part * parts, int32_t n_parts,
                                 int32_t context, struct magnet_slot * out_slots, int32_t capacity, int32_t * out_count);

/* The rule: may a query token of this role and position see that key token of the same sequence? Pure; false for a role
 * that is none of enum magnet_role. */
MAGNET_API bool magnet_sees(int32_t role_q, int32_t pos_q, int32_t role_k, int32_t pos_k);

/* ------------------------------------------------------------------------------------------------ generate */

struct magnet_generate_params {
    struct magnet_sampling_params sampling;      /* default: temperature 0.8, top_k 40, top_p 0.95, min_p 0.05       */
    magnet_token_callback         on_token;      /* may be NULL                                                      */
    void *                        on_token_user_data;
    const char * const *          stop;          /* [n_stop] stop strings, none empty; the name of a control token
                                                    ("<|im_end|>") stops where the model emits it                     */
    int32_t                       n_stop;
    int32_t                       max_tokens;    /* >= 0, or -1 = as many as fit; default 256                        */
    int32_t                       top;           /* alternatives to report per token, [0, 100], default 0            */
    int32_t                       n_texts;       /* [1, 256], default 1; several, with the seeds seed, seed + 1, ...
                                                    (mod 2^32), are sampled together from one prompt, which is read once;
                                                    sampling.temperature must be above 0 then, and on_token is not called */
    bool                          add_special;   /* BOS in front where the vocabulary asks for it, default true      */
    bool                          parse_special; /* read control tokens in the prompt, default false                 */
    bool                          ignore_eos;    /* default false                                                    */
};

MAGNET_API struct magnet_generate_params magnet_generate_default_params(void);

/* Continues prompt; one span a text in *out_result, whose item is the number of the text, from 0; texts of a cancelled call
 * that had not begun are left out. Tokens that prompt shares with the session's last call are taken from
 * the cache, if the session's reuse_prefix allows it. An empty prompt starts from BOS; UNSUPPORTED without one. TOO_LONG
 * if the prompt alone exceeds n_ctx. */
MAGNET_API int32_t magnet_generate(struct magnet_session * session, struct magnet_text prompt,
                                   const struct magnet_generate_params * params, struct magnet_result ** out_result);

/* The same for a prompt that is tokens already (magnet_chat_tokens): add_special and parse_special mean nothing. */
MAGNET_API int32_t magnet_generate_token_ids(struct magnet_session * session, const int32_t * tokens, int32_t n_tokens,
                                             const struct magnet_generate_params * params,
                                             struct magnet_result ** out_result);

/* ------------------------------------------------------------------------------------------------ eval */

/* What is measured; docs/eval.md defines each, with its source. */
enum magnet_eval_protocol {
    MAGNET_EVAL_STS        = 0, /* Spearman x100 of cosines with gold scores                                         */
    MAGNET_EVAL_INFILL     = 1, /* perplexity and token accuracy of gaps under several contexts                      */
    MAGNET_EVAL_PERPLEXITY = 2, /* causal, in windows                                                                */
    MAGNET_EVAL_REPETITION = 3, /* duplicate sentences and 4-grams in continuations of prefixes                      */
    MAGNET_EVAL_PROBE      = 4, /* softmax regression on frozen token vectors                                        */
    MAGNET_EVAL_CHOICE     = 5, /* multiple choice by log-likelihood                                                 */
    MAGNET_EVAL_RETRIEVAL  = 6, /* recall@k and nDCG@10                                                              */
};

enum magnet_eval_gaps {
    MAGNET_EVAL_GAPS_SENTENCES = 0, /* whole sentences: the inner columns of a row                                   */
    MAGNET_EVAL_GAPS_SPANS     = 1, /* tokens of a paragraph                                                         */
    MAGNET_EVAL_GAPS_GIVEN     = 2, /* JSON Lines of "left", "gap" and "right"                                       */
};

enum magnet_eval_word {
    MAGNET_EVAL_WORD_MEAN     = 0, /* a word's vector is the mean of its tokens'                                     */
    MAGNET_EVAL_WORD_FIRST    = 1, /* ... its first token's                                                          */
    MAGNET_EVAL_WORD_LAST     = 2, /* ... its last token's                                                           */
    MAGNET_EVAL_WORD_PREVIOUS = 3, /* ... the mean of those one token before each of its tokens: where MNTP predicts
                                      them from. The first token of a text stands for the one it lacks               */
};

enum magnet_eval_task {
    MAGNET_EVAL_TASK_POS   = 1, /* second column of the CoNLL file                                                   */
    MAGNET_EVAL_TASK_CHUNK = 2,
    MAGNET_EVAL_TASK_NER   = 3,
};

/* Pairs of texts: TSV of a gold score and two texts. */
struct magnet_eval_sts {
    const char *    instruction; /* of every text; NULL = the adapter's                                              */
    const int32_t * poolings;    /* [n_poolings] enum magnet_pooling; none = the adapter's                           */
    const int32_t * attentions;  /* [n_attentions] enum magnet_attention; none = the adapter's                       */
    int32_t         n_poolings;
    int32_t         n_attentions;
};

/* TSV of sentences, a paragraph a line, or JSON Lines. */
struct magnet_eval_infill {
    const int32_t * contexts;    /* [n_contexts] enum magnet_context; none = LEFT, HYBRID, ORDERED, and FIM
                                    where the vocabulary has its tokens                                              */
    int32_t         n_contexts;
    int32_t         gaps;        /* enum magnet_eval_gaps                                                            */
    int32_t         n_gaps;      /* of a row, default 1                                                              */
    int32_t         room;        /* 0 (default) = exact gaps: text behind one begins where its own tokens end. Else open
                                    gaps of so many places, or more if the text and its END need them; n_gaps must be 1 */
    int32_t         span_min;    /* tokens of a span, default 8 to 32                                                */
    int32_t         span_max;
    int32_t         max_tokens;  /* 0 (default) = gaps are scored alone. Else those that are GIVEN are filled too, by the likeliest
                                    tokens, at most so many: exact.CONTEXT and edit.CONTEXT                          */
    int32_t         until;       /* enum magnet_until of these fillings                                              */
    int32_t         window;      /* tokens read of a paragraph, at most; default 256                                 */
    int64_t         seed;        /* [0, 2^32), default 0: where gaps lie                                             */
};

/* Text, a paragraph a line. */
struct magnet_eval_perplexity {
    int32_t window; /* tokens of one, default 256                                                                    */
};

/* Text, a paragraph a line. */
struct magnet_eval_repetition {
    struct magnet_sampling_params sampling;     /* default as of magnet_generate; its seed is not read               */
    int64_t                       seed;         /* [0, 2^32), default 0: the i-th prefix is sampled with seed + i    */
    int32_t                       prefix_words; /* of a paragraph, default 32                                        */
    int32_t                       max_tokens;   /* of a continuation, default 256                                    */
};

/* CoNLL columns to judge by. */
struct magnet_eval_probe {
    const char *    train_file;   /* CoNLL columns to learn from                                                     */
    const char *    instruction;  /* of every sentence; NULL = none                                                  */
    const int32_t * attentions;   /* [n_attentions] enum magnet_attention; none = both                               */
    const int32_t * tasks;        /* [n_tasks] enum magnet_eval_task; none = all                                     */
    const float *   l2;           /* [n_l2] strengths of which the best on a held-out tenth of the training sentences is
                                     taken; none = 1e-2, 1e-3, 1e-4                                                  */
    int32_t         n_attentions;
    int32_t         n_tasks;
    int32_t         n_l2;
    int32_t         train_limit;  /* training sentences; 0 = all                                                     */
    int32_t         word;         /* enum magnet_eval_word                                                           */
};

/* Questions with their choices: JSONL. */
struct magnet_eval_choice {
    const char * prompt; /* put behind each query; NULL = nothing                                                    */
};

/* Queries: TSV of id and text. */
struct magnet_eval_retrieval {
    const char *    documents;            /* TSV of id and text                                                      */
    const char *    relevance;            /* qrels of TREC, or TSV of query, document, grade                         */
    const char *    instruction;          /* of queries; NULL = the adapter's                                        */
    const char *    document_instruction; /* NULL = instruction if that is given, else the adapter's for documents   */
    const int32_t * poolings;             /* [n_poolings] enum magnet_pooling; none = the adapter's                  */
    const int32_t * attentions;           /* [n_attentions] enum magnet_attention; none = the adapter's              */
    const int32_t * cutoffs;              /* [n_cutoffs] k of recall@k; none = 1, 10, 100                            */
    int32_t         n_poolings;
    int32_t         n_attentions;
    int32_t         n_cutoffs;
    float           fusion;               /* share of the cosine in the fusion with BM25, in [0, 1], default 0.5     */
    bool            bm25;                 /* figures of BM25 and of its fusion with each variant too                 */
};

/* The protocol, and the options of each; only those of the one that is named are read. */
struct magnet_eval_params {
    const char *                  file;     /* what is measured on, as the protocol's struct says                    */
    const char *                  state;    /* finished items are kept in and taken from this file (JSONL), so that an
                                               interrupted run goes on; NULL = none                                  */
    magnet_progress_callback      progress; /* unit: items; may be NULL                                              */
    void *                        progress_user_data;
    int32_t                       protocol; /* enum magnet_eval_protocol                                             */
    int32_t                       limit;    /* rows, windows, prefixes, sentences or questions, from the first; 0 = all;
                                               not for RETRIEVAL                                                     */
    int32_t                       resamples; /* of the bootstrap, default 1000; 0 = no intervals                     */
    bool                          unique;   /* rows, questions, queries and documents whose text stands earlier in the
                                               file are left out; not for PERPLEXITY, REPETITION and PROBE           */
    struct magnet_eval_sts        sts;
    struct magnet_eval_infill     infill;
    struct magnet_eval_perplexity perplexity;
    struct magnet_eval_repetition repetition;
    struct magnet_eval_probe      probe;
    struct magnet_eval_choice     choice;
    struct magnet_eval_retrieval  retrieval;
};

/* One measured number. */
struct magnet_eval_figure {
    const char * name;  /* "perplexity.ordered": what, then the variant                                              */
    double       value; /* NaN where it is not defined                                                               */
    int64_t      count; /* what it was measured on: pairs, tokens, continuations, words, questions or queries        */
    double       low;   /* 95 % confidence interval by bootstrap over the items; NaN where there is none             */
    double       high;
};

/* The same of each item, in the order of the file. */
struct magnet_eval_series {
    const char *   name;
    const double * values; /* [n_values]                                                                             */
    int32_t        n_values;
};

/* Owned by the caller, freed as a whole by magnet_eval_result_free. */
struct magnet_eval_result {
    const struct magnet_eval_figure * figures; /* [n_figures]                                                        */
    const struct magnet_eval_series * series;  /* [n_series]                                                         */
    int32_t                           n_figures;
    int32_t                           n_series;
    double                            seconds;
};

MAGNET_API struct magnet_eval_params magnet_eval_default_params(void);

/*
 * Runs a protocol with the session's model and adapters. Blocking. BAD_FILE names file and line. CANCELLED: what was
 * finished is in the state, and the same call with it goes on. MISMATCH: the state is of another evaluation (other file,
 * model, adapter, engine, context size or options; files are told apart by all of their bytes). Contexts, tasks, cutoffs, relevance, BM25, resamples and, but for PROBE, the
 * limit may differ: they only choose among items.
 */
MAGNET_API int32_t magnet_eval(struct magnet_session * session, const struct magnet_eval_params * params,
                               struct magnet_eval_result ** out_result);
MAGNET_API void    magnet_eval_result_free(struct magnet_eval_result * result); /* NULL is a no-op */

/* ------------------------------------------------------------------------------------------------ train */

enum magnet_text_unit {
    MAGNET_TEXT_PARAGRAPHS = 0, /* in a plain text file, a blank line ends a document                                */
    MAGNET_TEXT_LINES      = 1, /* each line is one                                                                  */
    MAGNET_TEXT_FILES      = 2, /* the whole file is one                                                             */
};

enum magnet_lr_decay {
    MAGNET_LR_CONSTANT = 0,
    MAGNET_LR_LINEAR   = 1,
    MAGNET_LR_COSINE   = 2,
};

/* Loss = mntp * MNTP + sscl * SSCL + msg * MSG for that many steps. A weight of 0 leaves the work out as well. */
struct magnet_train_stage {
    int32_t steps;
    float   mntp; /* masked next-token prediction: context tokens from both sides                                    */
    float   sscl; /* contrastive: embeddings                                                                         */
    float   msg;  /* missing-span generation: infilling, and plain next-token prediction                             */
};

struct magnet_train_progress {
    int32_t step;              /* steps done                                                                         */
    int32_t n_steps;
    int32_t stage;             /* counts from 0                                                                      */
    int32_t best_step;         /* with the lowest held-out score so far; 0 = none yet                                */
    int64_t n_tokens;          /* trained since the first step                                                       */
    double  seconds;           /* since the first step, interruptions left out                                       */
    double  seconds_left;
    double  tokens_per_second;
    double  loss;              /* weighted sum                                                                       */
    double  mntp;              /* means over the step, in nats; NaN = no part of it; so for all that follow          */
    double  sscl;
    double  msg;
    double  base;              /* divergence from the base on rows that keep it; MSG's weight holds for its tokens too */
    double  learning_rate;
    double  gradient_norm;     /* before clipping                                                                    */
    double  heldout_mntp;      /* NaN unless computed after this very step; so for all heldout_*                     */
    double  heldout_sscl;
    double  heldout_msg_hybrid;
    double  heldout_msg_ordered;
    double  heldout_causal;    /* plain next-token loss: is it still a language model?                               */
    double  heldout_score;     /* the last stage's weights on the above; the lowest decides what is kept             */
    double  best_score;
};

/* After each step, on the thread that called. Returns false to stop: the call then succeeds and keeps what was learned. */
typedef bool (*magnet_train_callback)(const struct magnet_train_progress * progress, void * user_data);

/* A file of pairs. */
struct magnet_train_pairs {
    const char * path;  /* TSV of 2 or 3 columns, or .jsonl with "anchor", "positive" and, if there is a hard negative,
                           "negative"                                                                                */
    const char * mine;  /* texts to take hard negatives from, one a line, or .jsonl with "text": a pair without one gets the
                           nearest to its first text that is farther than its second by contrast.mine_margin, as the
                           adapter that training starts from sees them; NULL = none                                  */
    float        share; /* of the contrastive batches, relative to the other files': then a batch is of one file alone;
                           0 in all of them = the files are mixed as if they were one                                */
    bool         documents; /* the second and third texts are documents that the first, a query, is to find:
                               contrast.document_instruction stands before them                                      */
};

/* What is read and written. No two of them may be one file. */
struct magnet_train_files {
    const char *         model;           /* base, GGUF; magnet_model_check_training                                 */
    const char *         output;          /* LoRA adapter, GGUF; stock llama.cpp loads it too                        */
    const char *         checkpoint;      /* state to resume from, replaced atomically; NULL = none                  */
    const char *         metrics;         /* JSON Lines, a line a step; NULL = none                                  */
    const char *         report;          /* one HTML page; NULL = none                                              */
    const char *         init_adapter;    /* start from it (rank, alpha, targets are its own); NULL = new            */
    const char * const * texts;           /* [n_texts] plain text, or .jsonl with "text"                             */
    const char * const * heldout_texts;   /* judged by, not trained on; both NULL = parts of the above               */
    const struct magnet_train_pairs * pairs;         /* [n_pairs]                                                    */
    const struct magnet_train_pairs * heldout_pairs; /* [n_heldout_pairs] share: of the loss, each file judged by itself */
    int32_t              n_texts;
    int32_t              n_pairs;
    int32_t              n_heldout_texts;
    int32_t              n_heldout_pairs;
    int32_t              text_unit;       /* enum magnet_text_unit                                                   */
    bool                 half;            /* write the adapter in F16 instead of F32                                 */
    bool                 overwrite;       /* replace output, checkpoint, metrics, report that exist; else IO         */
};

/* Text rows: windows of documents, trained with MNTP and MSG. */
struct magnet_train_rows {
    int32_t batch;          /* rows of a micro-batch                                                                 */
    int32_t length;         /* tokens of one, at most                                                                */
    int32_t max_spans;      /* gaps of a row: 1 to this                                                              */
    int32_t span_min;       /* tokens of a gap, where it is not a sentence                                           */
    int32_t span_max;
    int32_t open_room;      /* positions of an open gap, whose length the text behind it does not show; half of the
                               gaps are open; 0 = none is                                                            */
    float   share_hybrid;   /* of the rows: the paper's mask                                                         */
    float   share_ordered;  /* causal context, gaps see both sides                                                   */
    float   share_causal;   /* no gap, plain next-token prediction                                                   */
    float   keep_base;      /* of rows without a gap: they learn what the model without adapters predicts instead of the
                               text (Kullback-Leibler divergence of all tokens): it stays the language model it was  */
    float   sentence_share; /* of rows with gaps: each gap is a whole sentence                                       */
    float   mask_rate;      /* of the context of hybrid rows: picked for MNTP                                        */
};

/* Rows to embed, trained with SSCL. */
struct magnet_train_contrast {
    const char *    instruction; /* before every text                                                                */
    const char *    document_instruction; /* before documents; NULL = the same                                       */
    const int32_t * dimensions;  /* [n_dimensions] the first so many numbers of a vector are to serve as one too: the loss is
                                    the mean over these sizes and the whole (Matryoshka, arXiv 2205.13147). No projection
                                    then                                                                             */
    int32_t      n_dimensions;
    int32_t      batch;       /* pairs of a micro-batch; the other pairs are each one's negatives                    */
    int32_t      length;      /* tokens of a text, at most (instruction and EOS come on top); longer ones are cut    */
    int32_t      pooling;     /* enum magnet_pooling, not DEFAULT                                                    */
    int32_t      attention;   /* enum magnet_attention, not DEFAULT                                                  */
    int32_t      projection;  /* width of a head used in training only; 0 = none                                     */
    float        temperature;
    float        text_share;  /* of pairs that are two crops of one passage of the texts; -1 = all or none, as needed */
    float        crop_min;    /* a crop is at least this share of its passage                                        */
    float        drop_rate;   /* tokens of a crop left out                                                           */
    float        margin;      /* a text of another pair that is nearer to the query than its answer, by a cosine of more
                                 than this, is no negative: it may well be an answer; 2 (default) = all are          */
    float        mine_margin; /* cosine by which a mined negative is farther from the anchor than the answer, at least;
                                 default 0.05                                                                        */
    bool         symmetric;   /* positives must find their anchors too                                               */
};

struct magnet_train_lora {
    const char * const * targets; /* [n_targets] q, k, v, o, gate, up, down, or GGUF tensor names                    */
    int32_t              n_targets;
    int32_t              rank;
    float                alpha;   /* its scale is alpha / rank                                                       */
    float                dropout; /* on the input of A, text rows only                                               */
};

/* AdamW (arXiv 1711.05101). */
struct magnet_train_optimizer {
    float   learning_rate;     /* in [1e-12, 1]                                                                      */
    float   learning_rate_end; /* share of it that is left at the last step                                          */
    float   weight_decay;      /* decoupled                                                                          */
    float   clip;              /* largest gradient norm; 0 = no clipping                                             */
    int32_t decay;             /* enum magnet_lr_decay                                                               */
    int32_t warmup;            /* steps from 0 to the learning rate                                                  */
    int32_t accumulate;        /* micro-batches of a step                                                            */
    float   average;           /* in [0, 1]: what is judged and written is a mean of the states so far, most of it of the
                                  last share of the steps, wherever the run is; 0 = the state itself                 */
};

struct magnet_train_heldout {
    int32_t rows;  /* text windows, and pairs, kept out of training to judge by, at most a tenth of each; 0 = none    */
    int32_t every; /* steps between looks at the held-out loss; 0 = never                                            */
};

struct magnet_train_params {
    struct magnet_train_files         files;
    struct magnet_train_rows          rows;
    struct magnet_train_contrast      contrast;
    struct magnet_train_lora          lora;
    struct magnet_train_optimizer     optimizer;
    struct magnet_train_heldout       heldout;
    const struct magnet_train_stage * stages;     /* [n_stages]                                                      */
    const char *                      mask_token; /* text of MNTP's mask where the vocabulary has none; one token    */
    magnet_train_callback             on_step;    /* may be NULL                                                     */
    void *                            on_step_user_data;
    int64_t seed;             /* >= 0; same seed, files, options and threads: same bits                              */
    int32_t n_stages;
    int32_t n_threads;        /* >= 1, or -1 = physical cores that this process may use. The graph engine takes no more
                                 than there are processors                                                           */
    int32_t checkpoint_every; /* steps                                                                               */
    int32_t context;          /* enum magnet_context: infill's default with this adapter; DEFAULT = the better one   */
    int32_t engine;           /* enum magnet_engine, default AUTO: fused where it covers the model, else graph       */
    int32_t n_gpu_layers;     /* layers held by the GPU backend if one is built in, then by the graph engine; -1 = all */
    bool    exact;            /* products in F32 instead of bf16                                                     */
    bool    recompute;        /* less memory, slower                                                                 */
};

struct magnet_train_result {
    int32_t step;      /* steps done                                                                                 */
    int32_t best_step; /* whose state the adapter holds; 0 = the last one's, for want of held-out text               */
    bool    stopped;   /* by the callback                                                                            */
};

struct magnet_train_estimate {
    int64_t n_parameters;     /* trained                                                                             */
    int64_t n_windows;        /* text windows of one epoch                                                           */
    int64_t n_pairs;
    int64_t tokens_per_step;
    int64_t peak_bytes;       /* resident memory of the process, measured                                            */
    double  seconds_per_step; /* measured                                                                            */
    double  seconds;          /* of the whole run                                                                    */
    int32_t n_steps;
};

MAGNET_API struct magnet_train_params magnet_train_default_params(void);

/*
 * Trains a LoRA adapter with MAGNET's three objectives. Text alone serves all three (SSCL then contrasts crops of it),
 * pairs alone serve SSCL only. The adapter is written whenever the held-out score improves and at the end; its metadata
 * tell inference how it was trained. Blocking; uses n_threads threads.
 *
 * DIVERGED: a loss is not finite (the message names the step; files stay as they were last good). IO: also if output
 * exists, or a disk is full (the last checkpoint is intact). BAD_FILE names file and line. UNSUPPORTED: a model that no
 * engine, or not the one asked for, can train (magnet_model_check_training). out_result may be NULL.
 */
MAGNET_API int32_t magnet_train(const struct magnet_train_params * params, struct magnet_train_result * out_result);

/* Goes on from a checkpoint, bit for bit as if it had never stopped, with the options and files of that run (MISMATCH if
 * the texts have changed since). BAD_FILE if a byte of the checkpoint is another than was written; the adapter stays. */
MAGNET_API int32_t magnet_train_resume(const char * checkpoint, magnet_train_callback on_step, void * user_data,
                                       struct magnet_train_result * out_result);

/* Memory, steps and time of a run, measured on two real steps; writes nothing. Refuses what the run would refuse; without
 * an output it asks for none. */
MAGNET_API int32_t magnet_train_measure(const struct magnet_train_params * params,
                                        struct magnet_train_estimate * out_estimate);

enum magnet_merge_type {
    MAGNET_MERGE_BASE = 0, /* each merged matrix is quantised to the type it had                                     */
    MAGNET_MERGE_F32  = 1,
    MAGNET_MERGE_F16  = 2,
    MAGNET_MERGE_BF16 = 3,
};

/* Writes base + scale * adapter as one GGUF model, with the adapter's recipe, which its sessions go by. MISMATCH, IO;
 * BAD_FILE, also where a merged weight is no finite number (scale too large, or beyond the range of the type);
 * UNSUPPORTED: the base has a type that cannot be written without an importance matrix. Replaces output atomically. */
MAGNET_API int32_t magnet_merge(const char * model, const char * adapter, float scale, int32_t type, const char * output);

#ifdef __cplusplus
}
#endif

#endif /* MAGNET_H */
