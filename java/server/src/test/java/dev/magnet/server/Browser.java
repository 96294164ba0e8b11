package dev.magnet.server;

import static org.junit.jupiter.api.Assumptions.abort;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.OutputType;
import org.openqa.selenium.WebDriver;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.support.ui.WebDriverWait;

/** The Chromium of this machine, without a window, and what a reader of the page does and sees. */
final class Browser implements AutoCloseable {
    private static final Path CHROMIUM = Path.of("/usr/bin/chromium");
    private static final Path DRIVER = Path.of("/usr/bin/chromedriver");

    final ChromeDriver driver;

    private Browser(ChromeDriver driver) {
        this.driver = driver;
    }

    /** A browser; the test is skipped, loudly, where there is none. */
    static Browser open() {
        if (!Files.isExecutable(CHROMIUM) || !Files.isExecutable(DRIVER)) {
            System.err.println("SKIPPED: no browser; install the packages chromium and chromium-driver");
            return abort("no browser");
        }
        var options = new ChromeOptions();
        options.setBinary(CHROMIUM.toFile());
        options.addArguments("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,900");
        var service = new ChromeDriverService.Builder().usingDriverExecutable(new File(DRIVER.toString())).build();
        return new Browser(new ChromeDriver(service, options));
    }

    /** Opens the page with nothing kept from before. */
    void visit(TestServer server) {
        driver.get(server.server.address());
        driver.executeScript("localStorage.clear(); sessionStorage.clear();");
        reload();
    }

    /** Opens the page again, and waits until it has greeted. */
    void reload() {
        driver.navigate().refresh();
        await(() -> !find("model").getText().isEmpty() || !problem().isEmpty());
    }

    WebElement find(String id) {
        return driver.findElement(By.id(id));
    }

    List<WebElement> all(String css) {
        return driver.findElements(By.cssSelector(css));
    }

    /** Replaces the text as a writer does. */
    void write(String text) {
        find("text").sendKeys(Keys.chord(Keys.CONTROL, "a"), Keys.DELETE);
        find("text").sendKeys(text);
    }

    String text() {
        return find("text").getDomProperty("value");
    }

    String problem() {
        return find("problem").getText();
    }

    /** Selects a passage. */
    void select(String passage) {
        int start = text().indexOf(passage);
        driver.executeScript("const t = document.getElementById('text'); t.focus(); t.setSelectionRange(arguments[0], arguments[1]);",
                start, start + passage.length());
    }

    void press(CharSequence... keys) {
        driver.switchTo().activeElement().sendKeys(keys);
    }

    /** Asks for fillings, and waits until this many are there. */
    void fill(int fillings) {
        press(Keys.chord(Keys.CONTROL, Keys.ENTER));
        awaitFillings(fillings);
    }

    void awaitFillings(int fillings) {
        await(() -> all("#list li").size() >= fillings);
    }

    void await(java.util.function.BooleanSupplier condition) {
        Function<WebDriver, Boolean> until = d -> condition.getAsBoolean();
        new WebDriverWait(driver, Duration.ofSeconds(60), Duration.ofMillis(50)).until(until);
    }

    /** Light or dark, as the reader's system asks. */
    void scheme(String scheme) {
        driver.executeCdpCommand("Emulation.setEmulatedMedia",
                Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", scheme))));
    }

    /** What is to be seen, into target/pictures. */
    void picture(String name) {
        try {
            Path folder = Files.createDirectories(Path.of("target", "pictures"));
            Files.write(folder.resolve(name + ".png"), driver.getScreenshotAs(OutputType.BYTES));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        driver.quit();
    }
}
