package trilliantest

import "strings"

// What a generated company is put together from.

var firstNames = []string{
	"Anna", "Ben", "Chloé", "David", "Elif", "Felix", "Grace", "Hana", "Ivan", "José",
	"Kenji", "Lena", "Mei", "Noah", "Olga", "Paul", "Rosa", "Søren", "Tariq", "Uma",
	"Victor", "Wendy", "Xavier", "Yuki", "Zoë", "Amélie", "Björn", "Carla", "Dmitri", "Eva",
	"Farah", "Giorgio", "Héctor", "Ingrid", "Jürgen", "Katarzyna", "Liam", "Marta", "Niamh", "Oscar",
}

var lastNames = []string{
	"Adams", "Bauer", "Chen", "Dubois", "Eriksson", "Fischer", "García", "Hansen", "Ivanov", "Jensen",
	"Kowalski", "López", "Müller", "Nakamura", "O'Brien", "Patel", "Quinn", "Rossi", "Schmidt", "Tanaka",
	"Ueda", "Vargas", "Wagner", "Xu", "Yılmaz", "Zhang", "Almeida", "Bianchi", "Çelik", "Díaz",
	"Evans", "Ferrari", "Gómez", "Haddad", "Ito", "Johansson", "Kim", "Lindström", "Moreau", "Nguyễn",
}

// localPart is a name as it can stand in an address.
func localPart(name string) string { return strings.ToLower(plainLetters.Replace(name)) }

var plainLetters = strings.NewReplacer(
	"Ç", "C", "á", "a", "é", "e", "í", "i", "ó", "o", "ë", "e", "ö", "oe", "ü", "ue", "ø", "o", "ı", "i", "ễ", "e", "'", "",
)

var departments = []string{"Engineering", "Sales", "Marketing", "Support", "Finance", "People", "IT", "Legal"}

var chatNames = []string{
	"General", "Engineering", "Sales", "Marketing", "Support", "Projekt Apollo", "Ventes Europe", "Soporte",
	"雑談", "Lunch & Learn", "Releases", "Incidents", "Hiring", "Büro Berlin", "Продажи", "Design",
}

var chatTopics = []string{
	"Welcome!", "", "Ship it on Thursday", "Fragen hier stellen, nicht per Mail", "Objectifs du trimestre",
	"日報はこちらへ", "Read the pinned message <first>", "Sólo incidencias",
}

// sentences hold at most one number, which is put in where they are sent.
var sentences = []string{
	"Good morning, everyone!", "Thanks, that helps.", "I'll look into it after lunch.", "Can somebody review #%d, please?",
	"The build of %d is green again.", "Q&A starts in %d minutes", "if a < b && b > c { // why?", "Works for me 👍",
	"Ticket %d is done.\nPlease close it.", "Who is on call this week?", "\"%d seats left\", says the agency.",
	"Guten Morgen zusammen!", "Können wir das auf %d Uhr verschieben?", "Schöne Grüße aus München", "Das Angebot %d ist raus.",
	"Bonjour à tous", "La réunion est décalée de %d minutes.", "Ça marche, merci !", "Voilà le devis n° %d.",
	"¡Buenos días!", "¿Alguien ha visto el pedido %d?", "Mañana no estaré en la oficina.", "Listo, gracias.",
	"おはようございます。", "会議は%d時からです。", "了解しました。ありがとうございます。",
	"Доброе утро!", "Заказ %d отправлен.", "Спасибо, получил.",
	"صباح الخير", "الفاتورة رقم %d جاهزة.", "早上好！", "订单%d已发货。", "Bom dia, pessoal!", "O relatório %d está pronto.",
}

// pixel is a picture in PNG format, one pixel large.
const pixel = "\x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00\x90wS\xde\x00\x00\x00\x0cIDATx\xdac\xd0k;\x08\x00\x02[\x01v\x0a\xf6|\xca\x00\x00\x00\x00IEND\xaeB`\x82"
