package dev.magnet.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.magnet.Attention;
import dev.magnet.Evaluation;
import dev.magnet.GenerateOptions;
import dev.magnet.LoadOptions;
import dev.magnet.PairFile;
import dev.magnet.Pooling;
import dev.magnet.TrainOptions;
import dev.magnet.TrainStage;
import dev.magnet.ffi.c.*;
import java.lang.foreign.Arena;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** No field of an options struct is without its component, and a component is where magnet.h has its field. */
class MappingTest {
    private static final String METADATA = "/META-INF/native-image/dev.magnet/magnet/reachability-metadata.json";

    /** Fields that are no option: callbacks, arguments of the call, and the gaps, a type of its own in Java. */
    private static final Set<String> NO_OPTIONS = Set.of(
            "model.progress", "model.progress_user_data", "embed.progress", "embed.progress_user_data",
            "score.progress", "score.progress_user_data", "eval.progress", "eval.progress_user_data",
            "generate.on_token", "generate.on_token_user_data", "infill.on_token", "infill.on_token_user_data",
            "train.on_step", "train.on_step_user_data", "train.files.model", "train.files.output", "eval.protocol",
            "eval.infill.gaps", "eval.infill.n_gaps", "eval.infill.span_min", "eval.infill.span_max",
            "eval.infill.window");

    /** Components that no struct has. */
    private static final Set<String> OF_JAVA_ALONE = Set.of(
            "LoadOptions.adapters", "LoadOptions.sessions", "LoadOptions.progress", "EmbedOptions.adapters",
            "EmbedOptions.progress", "GenerateOptions.timeout", "GenerateOptions.adapters", "InfillOptions.timeout",
            "InfillOptions.adapters", "ScoreOptions.adapters", "ScoreOptions.progress", "EvaluateOptions.adapters",
            "EvaluateOptions.progress", "InfillEvaluation.gaps", "TrainFiles.noCheckpoint");

    private static final Map<String, Set<String>> RECORDS_AND_MISSING = new TreeMap<>();
    private static final Set<String> UNCOVERED = new TreeSet<>();

    @BeforeAll
    static void compare() {
        Library.load();
        cover("model", magnet_model_params.layout(), Map.of(LoadOptions.class, Params.MODEL));
        cover("session", magnet_session_params.layout(), Map.of(LoadOptions.class, Params.SESSION));
        cover("embed", magnet_embed_params.layout(), Map.of(dev.magnet.EmbedOptions.class, Params.EMBED));
        cover("generate", magnet_generate_params.layout(), Map.of(GenerateOptions.class, Params.GENERATE));
        cover("infill", magnet_infill_params.layout(), Map.of(dev.magnet.InfillOptions.class, Params.INFILL));
        cover("score", magnet_score_params.layout(), Map.of(dev.magnet.ScoreOptions.class, Params.SCORE));
        cover("train", magnet_train_params.layout(), Map.of(TrainOptions.class, Params.TRAIN));
        cover("train_result", magnet_train_result.layout(), Map.of(dev.magnet.TrainResult.class, Params.TRAINED));
        cover("stage", magnet_train_stage.layout(), TrainStage.class);
        cover("pairs", magnet_train_pairs.layout(), PairFile.class);
        cover("bias", magnet_logit_bias.layout(), Codec.Bias.class);
        cover("fim_file", magnet_fim_file.layout(), dev.magnet.FimFile.class);
        Map<Class<? extends Record>, Mapping<?>> eval = new HashMap<>();
        eval.put(dev.magnet.EvaluateOptions.class, EvalParams.Known.OPTIONS);
        for (EvalParams.Protocol<?> protocol : EvalParams.Known.PROTOCOLS) {
            eval.put(protocol.type(), protocol.mapping());
            GroupLayout struct = (GroupLayout) magnet_eval_params.layout().select(PathElement.groupElement(protocol.struct()));
            cover("eval." + protocol.struct(), struct, Map.of(protocol.type(), protocol.mapping()));
        }
        cover("eval", magnet_eval_params.layout(), eval);
    }

    private static <R extends Record> void cover(String name, GroupLayout struct, Class<R> type) {
        cover(name, struct, Map.of(type, Mapping.of(type, struct)));
    }

    /** Notes the fields of {@code struct} that no component stands for, and the components without a field. */
    private static void cover(String path, GroupLayout struct, Map<Class<? extends Record>, Mapping<?>> mappings) {
        Map<String, Class<?>> covered = new HashMap<>();
        mappings.forEach((type, mapping) -> {
            Set<String> missing = new TreeSet<>();
            for (int i = 0; i < mapping.fields().size(); i++) {
                Mapping.Field field = mapping.fields().get(i);
                if (field.codec() == null) {
                    missing.add(type.getSimpleName() + "." + field.component());
                } else {
                    covered.put(field.name(), type.getRecordComponents()[i].getType());
                }
            }
            RECORDS_AND_MISSING.merge(type.getName(), missing, (a, b) -> {
                a.retainAll(b); // loading has two structs
                return a;
            });
        });
        for (MemoryLayout member : struct.memberLayouts()) {
            String name = member.name().orElse(null);
            Class<?> type = covered.get(name);
            if (member instanceof GroupLayout inner && type != null) {
                cover(path + "." + name, inner, type.asSubclass(Record.class));
            } else if (!(member instanceof GroupLayout) && name != null && type == null && !counts(name, covered)) {
                UNCOVERED.add(path + "." + name);
            }
        }
    }

    private static boolean counts(String name, Map<String, Class<?>> covered) {
        Class<?> type = name.startsWith("n_") ? covered.get(name.substring(2)) : null;
        return type == List.class || type == Map.class;
    }

    @Test
    void everyFieldHasItsComponent() {
        assertEquals(new TreeSet<>(NO_OPTIONS), UNCOVERED, "fields of magnet.h without a component in Java");
    }

    @Test
    void everyComponentHasItsField() {
        assertEquals(
                new TreeSet<>(OF_JAVA_ALONE),
                RECORDS_AND_MISSING.values().stream().flatMap(Set::stream).collect(Collectors.toCollection(TreeSet::new)),
                "components without a field in magnet.h");
    }

    @Test
    void everyStructWithDefaultsIsCompared() {
        Set<String> structs = Stream.of(magnet_h.class.getMethods())
                .map(method -> method.getName())
                .filter(name -> name.matches("magnet_\\w+_default_params"))
                .map(name -> name.substring("magnet_".length(), name.length() - "_default_params".length()))
                .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(Set.of("model", "session", "embed", "generate", "infill", "score", "eval", "train"), structs);
    }

    @Test
    void trainingIsWrittenWhereTheHeaderHasIt() {
        TrainOptions defaults = TrainOptions.defaults();
        TrainOptions options = defaults.withStages(new TrainStage(7, 0.5f, 0, 2), TrainStage.of(9))
                .withRows(defaults.rows().withBatch(3).withMaskRate(0.25))
                .withContrast(defaults.contrast().withInstruction("find: ").withPooling(Pooling.LAST))
                .withLora(defaults.lora().withTargets("q", "down"))
                .withFiles(defaults.files().withTexts(Path.of("/a"), Path.of("/b")).withOverwrite(true))
                .withSeed(1L << 40)
                .withThreads(5);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment params = Params.train(arena, Path.of("/model"), null, options);
            assertEquals(2, magnet_train_params.n_stages(params));
            MemorySegment second = magnet_train_stage.asSlice(magnet_train_params.stages(params), 1);
            assertEquals(9, magnet_train_stage.steps(second));
            assertEquals(0.5f, magnet_train_stage.mntp(magnet_train_params.stages(params)));
            assertEquals(3, magnet_train_rows.batch(magnet_train_params.rows(params)));
            assertEquals(0.25f, magnet_train_rows.mask_rate(magnet_train_params.rows(params)));
            MemorySegment contrast = magnet_train_params.contrast(params);
            assertEquals("find: ", magnet_train_contrast.instruction(contrast).getString(0));
            assertEquals(magnet_h.MAGNET_POOLING_LAST(), magnet_train_contrast.pooling(contrast));
            assertEquals(2, magnet_train_lora.n_targets(magnet_train_params.lora(params)));
            MemorySegment files = magnet_train_params.files(params);
            assertEquals(Path.of("/model").toAbsolutePath().toString(), magnet_train_files.model(files).getString(0));
            assertEquals(MemorySegment.NULL, magnet_train_files.output(files));
            assertEquals(MemorySegment.NULL, magnet_train_files.checkpoint(files));
            assertEquals(2, magnet_train_files.n_texts(files));
            assertEquals(Path.of("/b").toAbsolutePath().toString(), magnet_train_files.texts(files).getAtIndex(magnet_h.C_POINTER, 1).getString(0));
            assertTrue(magnet_train_files.overwrite(files));
            assertEquals(1L << 40, magnet_train_params.seed(params));
            assertEquals(5, magnet_train_params.n_threads(params));
        }
    }

    @Test
    void samplingAndEvaluationAreWrittenWhereTheHeaderHasThem() {
        GenerateOptions options = GenerateOptions.defaults().withStop("a", "bc");
        options = options.withSampling(options.sampling().withLogitBias(Map.of(12, -2.5f)).withPenaltyLastN(33));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment params = magnet_h.magnet_generate_default_params(arena);
            Params.GENERATE.write(arena, options, params);
            MemorySegment sampling = magnet_generate_params.sampling(params);
            assertEquals(33, magnet_sampling_params.penalty_last_n(sampling));
            assertEquals(1, magnet_sampling_params.n_logit_bias(sampling));
            assertEquals(12, magnet_logit_bias.token(magnet_sampling_params.logit_bias(sampling)));
            assertEquals(-2.5f, magnet_logit_bias.bias(magnet_sampling_params.logit_bias(sampling)));
            assertEquals("bc", magnet_generate_params.stop(params).getAtIndex(magnet_h.C_POINTER, 1).getString(0));

            MemorySegment eval = EvalParams.write(
                    arena,
                    Evaluation.probe(Path.of("/t"), Path.of("/f")).withL2(0.5, 0.125).withAttentions(Attention.CAUSAL),
                    dev.magnet.EvaluateOptions.defaults(),
                    Call.tellingProgress(null));
            assertEquals(magnet_h.MAGNET_EVAL_PROBE(), magnet_eval_params.protocol(eval));
            assertEquals(Path.of("/f").toAbsolutePath().toString(), magnet_eval_params.file(eval).getString(0));
            MemorySegment probe = magnet_eval_params.probe(eval);
            assertEquals(0.125f, magnet_eval_probe.l2(probe).getAtIndex(ValueLayout.JAVA_FLOAT, 1));
            assertEquals(
                    magnet_h.MAGNET_ATTENTION_CAUSAL(),
                    magnet_eval_probe.attentions(probe).get(ValueLayout.JAVA_INT, 0));
            assertEquals(MemorySegment.NULL, magnet_eval_probe.tasks(probe));
        }
    }

    /** GraalVM must be told of what is looked at by reflection. */
    @Test
    void metadataNamesEveryRecord() throws Exception {
        List<String> lines = new ArrayList<>();
        for (String record : RECORDS_AND_MISSING.keySet()) {
            lines.add("    { \"type\": \"%s\", \"allDeclaredConstructors\": true, \"allDeclaredMethods\": true }"
                    .formatted(record));
        }
        String expected = "{\n  \"reflection\": [\n" + String.join(",\n", lines) + "\n  ]\n}\n";
        Path copy = Files.writeString(Path.of("target", "reachability-metadata.json"), expected);
        try (var in = Mapping.class.getResourceAsStream(METADATA)) {
            String committed = in == null ? "" : new String(in.readAllBytes(), StandardCharsets.UTF_8);
            assertEquals(expected, committed, "copy " + copy + " to src/main/resources" + METADATA + " and commit");
        }
    }
}
