package dev.magnet.withers;

import java.io.IOException;
import java.io.Writer;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.annotation.processing.AbstractProcessor;
import javax.annotation.processing.RoundEnvironment;
import javax.annotation.processing.SupportedAnnotationTypes;
import javax.lang.model.SourceVersion;
import javax.lang.model.element.Element;
import javax.lang.model.element.RecordComponentElement;
import javax.lang.model.element.TypeElement;
import javax.lang.model.type.DeclaredType;
import javax.lang.model.type.TypeKind;
import javax.lang.model.type.TypeMirror;

/**
 * For every record {@code X} marked {@code @Withers}, an interface {@code XWithers} whose default methods return a copy of
 * the record with one component changed: {@code withName(value)}, documented as the record documents the component. A
 * {@code float} is taken as a {@code double}, so that {@code 0.5} may be written, and a list also as its elements.
 *
 * <p>The interface belongs to the package alone: to users, and in the Javadoc, its methods are those of the record.
 */
@SupportedAnnotationTypes("dev.magnet.Withers")
public final class WithersProcessor extends AbstractProcessor {
    private static final Pattern PARAM = Pattern.compile("^ *@param (\\w+) +(.*(?:\\n(?! *@).*)*)", Pattern.MULTILINE);

    /** For javac, which makes one. */
    public WithersProcessor() {}

    @Override
    public SourceVersion getSupportedSourceVersion() {
        return SourceVersion.latestSupported();
    }

    @Override
    public boolean process(Set<? extends TypeElement> annotations, RoundEnvironment round) {
        for (TypeElement annotation : annotations) {
            for (Element record : round.getElementsAnnotatedWith(annotation)) {
                write((TypeElement) record);
            }
        }
        return true;
    }

    private void write(TypeElement record) {
        String name = record.getQualifiedName() + "Withers";
        try (Writer file = processingEnv.getFiler().createSourceFile(name, record).openWriter()) {
            file.write(source(record));
        } catch (IOException e) {
            throw new IllegalStateException("cannot write " + name, e);
        }
    }

    private String source(TypeElement record) {
        String type = record.getSimpleName().toString();
        List<? extends RecordComponentElement> components = record.getRecordComponents();
        Map<String, String> docs = docs(record);
        var source = new StringBuilder();
        source.append("package ").append(processingEnv.getElementUtils().getPackageOf(record).getQualifiedName());
        source.append(";\n\n/** Copies of {@link ").append(type).append("}. Written while it is compiled. */\n");
        source.append("interface ").append(type).append("Withers {\n");
        for (RecordComponentElement component : components) {
            source.append("    ").append(component.asType()).append(' ').append(component.getSimpleName()).append("();\n");
        }
        for (RecordComponentElement component : components) {
            String doc = docs.getOrDefault(component.toString(), "see {@link " + type + "}");
            wither(source, type, component, components, doc);
        }
        return source.append("}\n").toString();
    }

    private void wither(
            StringBuilder source,
            String record,
            RecordComponentElement component,
            List<? extends RecordComponentElement> components,
            String doc) {
        boolean isFloat = component.asType().getKind() == TypeKind.FLOAT;
        String values = components.stream()
                .map(each -> each != component ? each + "()" : isFloat ? "(float) " + each : each.toString())
                .collect(Collectors.joining(", "));
        String parameter = isFloat ? "double" : component.asType().toString();
        method(source, record, component, parameter, "new " + record + "(" + values + ")", doc);
        if (component.asType() instanceof DeclaredType list && list.asElement().getSimpleName().contentEquals("List")) {
            TypeMirror element = list.getTypeArguments().getFirst();
            String elements = "java.util.List.of(" + component + ")";
            String elementType = element.toString();
            if (elementType.equals("java.lang.Integer") || elementType.equals("java.lang.Double")) {
                elements = "java.util.Arrays.stream(" + component + ").boxed().toList()";
                elementType = processingEnv.getTypeUtils().unboxedType(element).toString();
            }
            method(source, record, component, elementType + "...", capitalised(component) + "(" + elements + ")", doc);
        }
    }

    private static void method(
            StringBuilder source, String record, Element component, String parameter, String copy, String doc) {
        source.append("""

                    /**
                     * A copy with another {@link %s#%s()}.
                     *
                     * @param %s %s
                     * @return the copy
                     */
                    default %s %s(%s %s) {
                        return %s;
                    }
                """.formatted(record, component, component, doc, record, capitalised(component), parameter, component, copy));
    }

    private static String capitalised(Element component) {
        String name = component.toString();
        return "with" + Character.toUpperCase(name.charAt(0)) + name.substring(1);
    }

    /** What the record's comment says of each component. */
    private Map<String, String> docs(TypeElement record) {
        String comment = processingEnv.getElementUtils().getDocComment(record);
        Map<String, String> docs = new TreeMap<>();
        Matcher param = PARAM.matcher(comment == null ? "" : comment);
        while (param.find()) {
            docs.put(param.group(1), param.group(2).strip().replaceAll("\\s*\\n\\s*", "\n     *     "));
        }
        return docs;
    }
}
