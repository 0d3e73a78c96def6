import com.siemens.ct.exi.core.CodingMode;
import com.siemens.ct.exi.core.EXIFactory;
import com.siemens.ct.exi.core.grammars.Grammars;
import com.siemens.ct.exi.core.helpers.DefaultEXIFactory;
import com.siemens.ct.exi.grammars.GrammarFactory;
import com.siemens.ct.exi.main.api.sax.SAXFactory;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import javax.xml.parsers.SAXParserFactory;
import org.xml.sax.Attributes;
import org.xml.sax.InputSource;
import org.xml.sax.XMLReader;
import org.xml.sax.helpers.AttributesImpl;
import org.xml.sax.helpers.DefaultHandler;

/**
 * EXIficient as an oracle for the V2G codec: one job per line on standard input, one answer per line.
 *
 * <pre>
 * encode PROTOCOL [fragment] [tables] BASE64(xml)   ->  ok HEX
 * decode PROTOCOL [fragment] [tables] HEX           ->  ok BASE64(xml)
 * bench  PROTOCOL [fragment] LOOPS HEX              ->  ok DECODE_NANOSECONDS ENCODE_NANOSECONDS   (per message)
 * anything that goes wrong                          ->  error TEXT
 * </pre>
 *
 * Started as: java -cp EXICodec.jar:CLASSES ExiOracle PROTOCOL=FILE.xsd ...
 *
 * Options: schema-informed, bit-packed, not strict, nothing preserved, string tables off (value length and partition
 * capacity 0), no built-in element grammars. "tables" leaves the string tables on, to make streams with table hits.
 */
public final class ExiOracle {
    private final Map<String, File> schemas = new HashMap<>();
    private final Map<String, Grammars> grammars = new HashMap<>();
    private final Map<String, SAXFactory> factories = new HashMap<>();
    private final XMLReader parser;

    private ExiOracle(String[] schemaArguments) throws Exception {
        for (String argument : schemaArguments) {
            int equals = argument.indexOf('=');
            schemas.put(argument.substring(0, equals), new File(argument.substring(equals + 1)));
        }
        SAXParserFactory parsers = SAXParserFactory.newInstance();
        parsers.setNamespaceAware(true);
        parser = parsers.newSAXParser().getXMLReader();
    }

    public static void main(String[] arguments) throws Exception {
        // The schema loader prints to standard output; answers must stay one line per job.
        PrintStream answers = new PrintStream(System.out, false, StandardCharsets.US_ASCII);
        System.setOut(System.err);
        ExiOracle oracle = new ExiOracle(arguments);
        BufferedReader jobs = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String job = jobs.readLine(); job != null; job = jobs.readLine()) {
            String answer;
            try {
                answer = "ok " + oracle.answer(job.trim().split(" +"));
            } catch (Exception | StackOverflowError | OutOfMemoryError problem) {
                answer = "error " + String.valueOf(problem).replaceAll("[^ -~]+", " ");
            }
            answers.println(answer);
            answers.flush();
        }
    }

    private String answer(String[] words) throws Exception {
        String last = words[words.length - 1];
        Set<String> flags = new HashSet<>();
        for (int i = 2; i < words.length - 1; i++) {
            flags.add(words[i]);
        }
        SAXFactory factory = factory(words[1], flags.contains("fragment"), flags.contains("tables"));
        switch (words[0]) {
            case "encode":
                return HexFormat.of().formatHex(encode(factory, Base64.getDecoder().decode(last)));
            case "decode":
                XmlWriter xml = new XmlWriter();
                decode(factory, HexFormat.of().parseHex(last), xml);
                return Base64.getEncoder().encodeToString(xml.text.toString().getBytes(StandardCharsets.UTF_8));
            case "bench":
                return bench(factory, Integer.parseInt(words[words.length - 2]), HexFormat.of().parseHex(last));
            default:
                throw new IllegalArgumentException("unknown job " + words[0]);
        }
    }

    private SAXFactory factory(String protocol, boolean fragment, boolean tables) throws Exception {
        String key = protocol + " " + fragment + " " + tables;
        SAXFactory known = factories.get(key);
        if (known != null) {
            return known;
        }
        if (!grammars.containsKey(protocol)) {
            File schema = schemas.get(protocol);
            if (schema == null) {
                throw new IllegalArgumentException("unknown protocol " + protocol);
            }
            grammars.put(protocol, GrammarFactory.newInstance().createGrammars(schema.toURI().toString()));
        }
        EXIFactory exi = DefaultEXIFactory.newInstance();
        exi.setGrammars(grammars.get(protocol));
        exi.setCodingMode(CodingMode.BIT_PACKED);
        exi.setFragment(fragment);
        if (!tables) {
            exi.setValueMaxLength(0);
            exi.setValuePartitionCapacity(0);
        }
        exi.setMaximumNumberOfBuiltInElementGrammars(0);
        exi.setMaximumNumberOfBuiltInProductions(0);
        SAXFactory made = new SAXFactory(exi);
        factories.put(key, made);
        return made;
    }

    private byte[] encode(SAXFactory factory, byte[] xml) throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        var encoder = factory.createEXIWriter();
        encoder.setOutputStream(bytes);
        parser.setContentHandler(encoder);
        parser.parse(new InputSource(new ByteArrayInputStream(xml)));
        return bytes.toByteArray();
    }

    private void decode(SAXFactory factory, byte[] exi, DefaultHandler into) throws Exception {
        XMLReader reader = factory.createEXIReader();
        reader.setContentHandler(into);
        reader.parse(new InputSource(new ByteArrayInputStream(exi)));
    }

    private String bench(SAXFactory factory, int loops, byte[] exi) throws Exception {
        Recorder events = new Recorder();
        decode(factory, exi, events);
        long decodeStart = System.nanoTime();
        for (int i = 0; i < loops; i++) {
            decode(factory, exi, new DefaultHandler());
        }
        long decodeEnd = System.nanoTime();
        for (int i = 0; i < loops; i++) {
            var encoder = factory.createEXIWriter();
            encoder.setOutputStream(new ByteArrayOutputStream());
            events.replay(encoder);
        }
        long encodeEnd = System.nanoTime();
        return (decodeEnd - decodeStart) / loops + " " + (encodeEnd - decodeEnd) / loops;
    }

    /** Writes namespace-qualified XML; every element declares its own default namespace, so prefixes never matter. */
    private static final class XmlWriter extends DefaultHandler {
        final StringBuilder text = new StringBuilder();

        @Override
        public void startElement(String uri, String local, String qualified, Attributes attributes) {
            text.append('<').append(local).append(" xmlns=\"").append(escape(uri)).append('"');
            for (int i = 0; i < attributes.getLength(); i++) {
                String space = attributes.getURI(i);
                String name = attributes.getLocalName(i);
                if (!space.isEmpty()) {
                    text.append(" xmlns:a").append(i).append("=\"").append(escape(space)).append('"');
                    name = "a" + i + ":" + name;
                }
                text.append(' ').append(name).append("=\"").append(escape(attributes.getValue(i))).append('"');
            }
            text.append('>');
        }

        @Override
        public void endElement(String uri, String local, String qualified) {
            text.append("</").append(local).append('>');
        }

        @Override
        public void characters(char[] characters, int start, int length) {
            text.append(escape(new String(characters, start, length)));
        }

        private static String escape(String value) {
            StringBuilder escaped = new StringBuilder();
            value.codePoints().forEach(c -> {
                if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\n' || c == '\r' || c == '\t') {
                    escaped.append("&#").append(c).append(';');
                } else if (c < ' ' || (c >= 0xD800 && c < 0xE000) || c == 0xFFFE || c == 0xFFFF || c > 0x10FFFF) {
                    // Characters that XML 1.0 cannot hold.
                    escaped.append('\uFFFD');
                } else {
                    escaped.appendCodePoint(c);
                }
            });
            return escaped.toString();
        }
    }

    /** Keeps the SAX events of one message, so that encoding can be timed without parsing XML. */
    private static final class Recorder extends DefaultHandler {
        private interface Step {
            void into(org.xml.sax.ContentHandler handler) throws Exception;
        }

        private final java.util.List<Step> steps = new java.util.ArrayList<>();

        @Override
        public void startDocument() {
            steps.add(handler -> handler.startDocument());
        }

        @Override
        public void endDocument() {
            steps.add(handler -> handler.endDocument());
        }

        @Override
        public void startElement(String uri, String local, String qualified, Attributes attributes) {
            Attributes copy = new AttributesImpl(attributes);
            steps.add(handler -> handler.startElement(uri, local, qualified, copy));
        }

        @Override
        public void endElement(String uri, String local, String qualified) {
            steps.add(handler -> handler.endElement(uri, local, qualified));
        }

        @Override
        public void characters(char[] characters, int start, int length) {
            char[] copy = java.util.Arrays.copyOfRange(characters, start, start + length);
            steps.add(handler -> handler.characters(copy, 0, copy.length));
        }

        void replay(org.xml.sax.ContentHandler handler) throws Exception {
            for (Step step : steps) {
                step.into(handler);
            }
        }
    }
}
