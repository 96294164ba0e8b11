package dev.magnet.spring;

import dev.magnet.MagnetException;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Why an application does not start, where the reason is its model. */
class MagnetFailureAnalyzer extends AbstractFailureAnalyzer<MagnetException> {
    @Override
    protected FailureAnalysis analyze(Throwable whole, MagnetException cause) {
        return new FailureAnalysis(
                cause.getMessage(), "Set magnet.model and magnet.adapter to names or files that are there, or mend what is said above.", cause);
    }
}
