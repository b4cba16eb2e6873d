package io.dualwrite.flink;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.configuration.ConfigOption;
import org.junit.jupiter.api.Test;

/**
 * docs/configuration.md is what {@link ConfigurationPage} writes; -Ddualwrite.docs.write=true
 * writes it anew.
 */
class ConfigurationPageTest {

    @Test
    void thePageIsUpToDate() throws IOException {
        final Path page = Path.of(System.getProperty("dualwrite.docs.file"));
        final String text = ConfigurationPage.text();
        if (Boolean.getBoolean("dualwrite.docs.write")) {
            Files.writeString(page, text);
        }
        assertThat(page)
                .as("mvn verify -Ddualwrite.docs.write=true in java-bridge/ writes it anew")
                .hasContent(text);
    }

    @Test
    void everyOptionHasARuleAndItsPlaceOnThePage() throws IllegalAccessException {
        final List<ConfigOption<?>> declared = new ArrayList<>();
        for (Field field : DualWriteOptions.class.getFields()) {
            declared.add((ConfigOption<?>) field.get(null));
        }
        final List<ConfigOption<?>> ruled = new ArrayList<>();
        DualWriteSettings.ALL.forEach(rule -> ruled.add(rule.option));
        assertThat(ruled).containsExactlyInAnyOrderElementsOf(declared).hasSize(24);
        assertThat(ruled).allMatch(option -> option.key().startsWith(DualWriteOptions.PREFIX));
    }
}
