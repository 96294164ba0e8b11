package dev.magnet.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.deque.html.axecore.results.Rule;
import com.deque.html.axecore.selenium.AxeBuilder;
import dev.magnet.DefaultModel;
import dev.magnet.LoadOptions;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.openqa.selenium.Keys;
import org.openqa.selenium.logging.LogType;

/** The page, as a person uses it, in a real browser. */
@Timeout(300)
class PageTest {
    private static final String STORY = "Tom lost his keys on the way home. He was glad when he found them. ";
    private static final String NOTES = "The stock market fell again on Monday.\nA man is playing a guitar in the park.\n"
            + "Bread needs flour, water, salt and time.\n";

    private static TestServer server;
    private static Browser browser;

    @BeforeAll
    static void start() {
        browser = Browser.open();
        server = serve();
    }

    private static TestServer serve() {
        return TestServer.start(DefaultModel.path(), LoadOptions.defaults().withAdapters(DefaultModel.adapter()),
                ServerOptions.defaults());
    }

    @AfterAll
    static void stop() {
        if (server != null) {
            server.close();
        }
        if (browser != null) {
            browser.close();
        }
    }

    @BeforeEach
    void visit() {
        browser.scheme("light");
        browser.visit(server);
    }

    @Test
    void selectionIsFilledChosenTakenAndUndone() {
        browser.write(STORY);
        browser.select("on the way home");
        browser.fill(2);
        assertEquals(STORY, browser.text(), "the text stays while one chooses");
        browser.await(() -> browser.find("status").getText().startsWith("1 of"));
        browser.press(Keys.ARROW_DOWN);
        String chosen = browser.all("#list li[aria-selected=true]").getFirst().getText();
        assertTrue(browser.find("status").getText().startsWith("2 of"), browser.find("status").getText());
        browser.press(Keys.ENTER);
        String taken = browser.text();
        assertTrue(taken.startsWith("Tom lost his keys") && taken.endsWith(". He was glad when he found them. "), taken);
        assertTrue(taken.contains(chosen.strip()), taken);
        assertFalse(taken.contains("on the way home"), taken);
        browser.press(Keys.chord(Keys.CONTROL, "z"));
        assertEquals(STORY, browser.text());
    }

    @Test
    void escapeLeavesTheText() {
        browser.write(STORY);
        browser.select("keys");
        browser.fill(1);
        browser.press(Keys.ESCAPE);
        assertEquals(STORY, browser.text());
        assertTrue(browser.all("#list li").isEmpty());
        browser.fill(1);
        browser.press("x"); // typing goes on
        assertEquals(STORY.replace("keys", "x"), browser.text());
        assertTrue(browser.all("#list li").isEmpty());
    }

    @Test
    void exactLengthIsHeardAndFillingsCanBeClicked() {
        browser.write("It was raining, so Anna took her  with her and stayed dry.");
        browser.driver.executeScript("const l = document.getElementById('length'); l.value = 1; l.dispatchEvent(new Event('input'));");
        assertEquals("1 token", browser.find("length-text").getText());
        int gap = browser.text().indexOf("  with") + 1;
        browser.driver.executeScript("const t = document.getElementById('text'); t.focus(); t.setSelectionRange(arguments[0], arguments[0]);",
                gap);
        browser.fill(1);
        browser.all("#list li").getFirst().click();
        String filling = browser.text().replace("It was raining, so Anna took her", "").replace(" with her and stayed dry.", "");
        assertEquals(1, server.magnet.tokenize(filling).length, filling);
    }

    @Test
    void reloadKeepsTheText() {
        browser.write(STORY);
        browser.reload();
        assertEquals(STORY, browser.text());
    }

    @Test
    void searchFindsByMeaning() {
        browser.write(NOTES);
        browser.find("question").sendKeys("Who makes music?", Keys.ENTER);
        browser.await(() -> !browser.all("#found button").isEmpty());
        assertTrue(browser.all("#found button").getFirst().getText().contains("guitar"));
        browser.all("#found button").getFirst().click();
        assertEquals("A man is playing a guitar in the park.", browser.driver.executeScript(
                "const t = document.getElementById('text'); return t.value.slice(t.selectionStart, t.selectionEnd);"));
    }

    @Test
    void unlikelyWordsAreTintedAndOfferOthers() {
        browser.write("The cat sat on the carburettor and fell asleep in the sun.");
        browser.find("tint").click();
        browser.await(() -> browser.all("#mirror mark").stream().anyMatch(mark -> mark.getDomProperty("textContent").equals("carburettor")));
        assertTrue(browser.all("#mirror mark").stream().noneMatch(mark -> mark.getDomProperty("textContent").equals("the")));
        browser.find("next-tinted").click();
        String selected = (String) browser.driver.executeScript(
                "const t = document.getElementById('text'); return t.value.slice(t.selectionStart, t.selectionEnd);");
        assertTrue(browser.all("#mirror mark").stream().anyMatch(mark -> mark.getDomProperty("textContent").equals(selected)), selected);
        browser.select("carburettor");
        browser.driver.executeScript("const t = document.getElementById('text'); t.setSelectionRange(t.selectionStart + 3, t.selectionStart + 3);"
                + "t.dispatchEvent(new MouseEvent('click', {bubbles: true}));");
        browser.awaitFillings(1);
        browser.press(Keys.ENTER);
        assertFalse(browser.text().contains("carburettor"), browser.text());
    }

    @Test
    void maskShowsTheGapsNeighbours() {
        browser.write(STORY);
        browser.select("glad");
        browser.find("mask-fold").click();
        browser.await(() -> !browser.all("#mask svg").isEmpty());
        String label = browser.all("#mask svg").getFirst().getDomAttribute("aria-label");
        assertTrue(label.contains("3 of them in the gap"), label);
        assertFalse(browser.all("#mask .gap").isEmpty());
    }

    @Test
    void stoppedServerIsSaidAndLosesNothing() {
        TestServer own = serve();
        browser.visit(own);
        browser.write(STORY);
        browser.select("keys");
        own.close();
        browser.press(Keys.chord(Keys.CONTROL, Keys.ENTER));
        browser.await(() -> !browser.problem().isEmpty());
        assertTrue(browser.problem().contains("does not answer") && browser.problem().contains("kept"), browser.problem());
        assertEquals(STORY, browser.text());
    }

    @Test
    void keyIsAskedFor() {
        try (TestServer own = TestServer.tiny(ServerOptions.defaults().withKey("s3cret"))) {
            browser.visit(own);
            browser.await(() -> browser.find("access").isDisplayed());
            browser.find("key").sendKeys("s3cret", Keys.ENTER);
            browser.await(() -> !browser.find("model").getText().isEmpty());
            assertFalse(browser.find("access").isDisplayed());
        }
    }

    @Test
    void keyboardReachesEverything() {
        browser.write(STORY);
        browser.driver.executeScript("document.activeElement.blur()");
        Set<String> wanted = new java.util.TreeSet<>(
                Set.of("fill", "length", "context", "tint", "text", "question"));
        for (int i = 0; i < 20 && !wanted.isEmpty(); i++) {
            new org.openqa.selenium.interactions.Actions(browser.driver).sendKeys(Keys.TAB).perform();
            String id = browser.driver.switchTo().activeElement().getDomAttribute("id");
            if (id != null && wanted.remove(id)) {
                Object outline = browser.driver.executeScript("return getComputedStyle(document.activeElement).outlineStyle");
                assertNotEquals("none", outline, id + " shows the focus");
            }
        }
        assertEquals(Set.of(), wanted);
    }

    @Test
    void nothingIsCutOffAtTwiceTheSize() {
        browser.write(STORY.repeat(5));
        for (int width : new int[] {640, 320}) { // 1280 pixels at 200 and 400 %
            browser.driver.executeCdpCommand("Emulation.setDeviceMetricsOverride",
                    Map.of("width", width, "height", 450, "deviceScaleFactor", 2, "mobile", false));
            Object over = browser.driver.executeScript("const width = document.documentElement.clientWidth;"
                    + "return [...document.body.querySelectorAll('*')].filter(e => e.checkVisibility() && e.getBoundingClientRect().right > width + 1)"
                    + ".map(e => e.tagName + ' ' + e.id)");
            assertEquals(List.of(), over, "sticks out at a width of " + width);
            long cut = (Long) browser.driver.executeScript(
                    "const t = document.getElementById('text'); return t.scrollHeight - t.clientHeight");
            assertTrue(cut <= 2, cut + " pixels of the text are cut off");
            browser.picture("page-" + width);
        }
        browser.driver.executeCdpCommand("Emulation.clearDeviceMetricsOverride", Map.of());
    }

    @Test
    void axeFindsNothingSerious() {
        for (String scheme : List.of("light", "dark")) {
            browser.scheme(scheme);
            browser.visit(server);
            browser.write(STORY + "The cat sat on the carburettor.");
            judge(scheme);
            browser.find("tint").click();
            browser.await(() -> !browser.all("#mirror mark").isEmpty());
            browser.select("on the way home");
            browser.find("mask-fold").click();
            browser.await(() -> !browser.all("#mask svg").isEmpty());
            browser.find("question").sendKeys("Where are the keys?", Keys.ENTER);
            browser.await(() -> !browser.all("#found button").isEmpty());
            browser.select("on the way home");
            browser.fill(2);
            judge(scheme + ", choosing");
            browser.picture("page-" + scheme);
            browser.press(Keys.ESCAPE);
        }
    }

    private static void judge(String state) {
        List<String> serious = new AxeBuilder().analyze(browser.driver).getViolations().stream()
                .filter(rule -> Set.of("serious", "critical").contains(rule.getImpact()))
                .map(rule -> rule.getId() + " at " + nodes(rule))
                .toList();
        assertEquals(List.of(), serious, state);
    }

    private static String nodes(Rule rule) {
        return rule.getNodes().stream().map(node -> node.getHtml()).toList().toString();
    }

    @Test
    void nothingComesFromElsewhereAndNothingIsBlocked() {
        browser.write(STORY);
        browser.select("keys");
        browser.fill(1);
        @SuppressWarnings("unchecked")
        List<String> names = (List<String>) browser.driver.executeScript(
                "return performance.getEntriesByType('resource').map(entry => entry.name)");
        assertTrue(names.stream().allMatch(name -> name.startsWith(server.server.address())), names.toString());
        assertEquals(List.of(), browser.driver.manage().logs().get(LogType.BROWSER).getAll().stream()
                .filter(entry -> !entry.getMessage().contains("ERR_CONNECTION_REFUSED")
                        && !entry.getMessage().contains("401"))
                .map(entry -> entry.getMessage())
                .toList());
    }
}
