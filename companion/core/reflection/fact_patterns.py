"""What people say of themselves that is worth remembering: one pattern per kind, tried on a clause in plain form.

The plain form is `normalized` and has no filling adverbs; it begins with “I” or “My”. Kinds are tried in this order.
"""

from __future__ import annotations

import re
from typing import Final, Literal

Kind = Literal["name", "age", "home", "family", "pets", "health", "work", "favourite", "likes", "plans", "habits", "self"]

_NUMBER = (
    r"(?:\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|no|several|many|some|a few|a couple of|lots of)"
)
_AGE = r"(?:\d{1,3}|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[- ]\w+)?|\w+teen|ten|eleven|twelve)"
_RELATIVES = (
    r"(?:(?:step|half|grand|great-grand|god)-?)?(?:sisters?|brothers?|siblings?|mother|father|mom|mum|mommy|"
    r"dad|daddy|ma|pa|parents?|"
    r"wife|husband|spouse|partner|girlfriend|boyfriend|fianc[ée]e?|sons?|daughters?|kids?|child|children|twins?|triplets?|"
    r"bab(?:y|ies)|aunts?|uncles?|cousins?|nephews?|nieces?|grandma|grandpa|granny|grandkids|best friend|roommate|flatmate|"
    r"family|in-laws|ex-wife|ex-husband|ex|toddler|boys|girls|godson|goddaughter)"
)
_PETS = (
    r"(?:dogs?|cats?|pupp(?:y|ies)|kittens?|kitt(?:y|ies)|parrots?|budgies?|birds?|fish|goldfish|hamsters?|"
    r"rabbits?|bunn(?:y|ies)|"
    r"horses?|pon(?:y|ies)|turtles?|tortoises?|snakes?|lizards?|geckos?|guinea pigs?|ferrets?|rats?|mice|"
    r"chickens?|goats?|pets?|"
    r"poodles?|labradors?|retrievers?|huskys?|huskies|chihuahuas?|pugs?|terriers?|dachshunds?|beagles?|corgis?|iguanas?|pigs?)"
)
_ILLNESS = (
    r"(?:diabetes|asthma|anxiety|depression|adhd|add|autism|asperger'?s|cancer|migraines?|arthritis|allerg(?:y|ies)|insomnia|"
    r"epilepsy|dyslexia|ptsd|ocd|eczema|psoriasis|tinnitus|vertigo|celiac|crohn'?s|lupus|ms|ibs|scoliosis|anemia|"
    r"bipolar disorder|high blood pressure|heart (?:disease|condition|problems?)|panic attacks|chronic pain|"
    r"bad (?:back|knees?|hip)|"
    r"eating disorder|thyroid|bad eyesight|glasses)"
)
_JOB_WORDS = (
    r"(?:\w+(?:er|or|ist|ian|yst|man|woman|person|aire|keeper)|nurse|chef|cook|pilot|student|clerk|accountant|"
    r"assistant|attendant|"
    r"consultant|agent|president|scientist|cop|vet|barista|mechanic|coach|guard|veteran|major|intern|freelancer|judge|"
    r"surgeon|nun|priest|au pair|nanny|receptionist|entrepreneur|housewife|homemaker|stay-at-home (?:mom|dad|parent)|maid)"
)
_BORING = (
    r"(?:great|good|nice|fun|cool|amazing|awesome|fine|ok|okay|weird|funny|interesting|hard|tough|easy|there|"
    r"here|back|home|away|"
    r"right|wrong|sure|sorry|glad|happy|ready|done|busy|tired|bored|hungry|sick|late|lost)"
)
_OBJECT = (  # not what was just talked about, and not small talk
    r"(?!(?:to|a|an)?$)(?!you\b|your|the (?!(?:beach|ocean|sea|outdoors|mountains?|rain|snow|sun|summer|"
    r"winter|fall|cold|heat|city|country|"
    r"gym|color|colour|smell|taste|sound|feel(?:ing)? of|night|dark|stars|water|zoo|(?-i:[A-Z]))|\w+ of )|"
    r"how |what |when |where |who |why |if |"
    r"both\b|all of|most of|any of|everything|anything|something|nothing|to (?:hear|know|talk|see|chat|meet|"
    r"think|say|ask|help|do (?!\w)|be (?!\w)|"
    r"learn more|point|mention|admit|check|try (?:new|different)|go(?:$| too))|talking|chatting|hearing|"
    r"meeting|being able|mine\b|"
    r"all (?:kinds|sorts|types) of (?:things|stuff)|things\b|stuff\b|lots of (?:things|stuff)|people like)"
)
_WISH_VERB = (
    r"(?!(?:talk|know|hear|say|tell|ask|see|chat|think|find|check|help|do|thank|apologi[sz]e|believe|mention|"
    r"point|be able|show|"
    r"understand|give|let|come|stay|leave|sleep|eat|cook|go (?!to |on |back )|bed|work\b|make sure|share|add|sound|hang)\b)\w"
)
_OFTEN = (
    r"(?:every (?:\w+ )?\w+|each \w+|a lot|on (?:the weekends?|weekends?|(?:mon|tues|wednes|thurs|fri|satur|"
    r"sun)days?)|daily|weekly|"
    r"once an? \w+|twice an? \w+|\w+ times an? \w+|in the (?:mornings?|evenings?|summers?|winters?)|"
    r"all the time|most (?:days|nights)|"
    r"at night|for a living|regularly|for (?:\w+ )?(?:years|months))"
)
_DOING = (
    r"(?:play|collect|speak|drive|ride|run|read|watch|listen to|swim|bake|cook|paint|draw|write|knit|garden|volunteer|exercise|"
    r"work out|meditate|practice|practise|hike|fish|hunt|travel|dance|sing|surf|ski|snowboard|skate|sew|coach|"
    r"go|do|take|wake up|"
    r"get up|walk|jog|bike|cycle|camp|stream|grow|brew|build|make)"
)

_TABLE: tuple[tuple[Kind, str], ...] = (
    ("name", r"My (?:full |first |last |real |nick|middle )?name(?:'s| is) (?-i:[A-Z])[\w'-]*(?: (?-i:[A-Z])[\w'-]*){0,3}"),
    ("name", r"I (?:am called|go by) (?-i:[A-Z])[\w'-]*(?: (?-i:[A-Z])[\w'-]*){0,2}"),
    ("age", rf"I am (?:only |almost |nearly |about )?{_AGE}(?: years?[ -]old| years? of age|)"),
    ("age", r"I am (?:four|five|six|seven|eight|nine) years old"),
    ("age", rf"I (?:will be|turned|turn|will turn|am turning|am about to turn) {_AGE}\b.*"),
    ("age", r"I am in my (?:early |mid[- ]?|late )?(?:teens|\w+ties)\b.*"),
    ("age", r"I was born (?:in|on) .*\d.*"),
    ("age", r"My birthday(?:'s| is) .+"),
    ("home", r"I (?:live|lived|grew up|used to live) (?:in|on|at|near|with|by|alone|next to|outside|close to|across) ?.*"),
    ("home", r"I (?:am|come) (?:originally )?from (?-i:[A-Z]|a |an |the ).*"),
    ("home", r"I (?:moved|am moving|am going to move|have moved) (?:from|to|into|back to|out of|away from) .+"),
    ("home", r"I was (?:born and raised|born|raised|brought up) in .+"),
    (
        "home",
        r"I (?:own|have|bought|rent|am buying|just bought) (?:a|an|my own) (?:\w+ ){0,3}(?:house|home|apartment|"
        r"flat|farm|condo|cabin|ranch)\b.*",
    ),
    ("home", r"My (?:home ?town|home ?country|house|apartment|flat|neighbou?rhood) (?:is|has) (?!so\b|very\b|really\b).+"),
    ("family", rf"I (?:have|had|lost|am raising|am expecting) (?:{_NUMBER}|my|the) (?:[\w-]+ ){{0,3}}{_RELATIVES}\b.*"),
    (
        "family",
        r"I am (?:not )?(?:happily |recently |newly )?(?:married|single|divorced|separated|engaged|widowed|"
        r"a widow|a widower|pregnant|expecting|adopted|an? orphan)\b.*",
    ),
    (
        "family",
        r"I am (?:an? )?(?:only child|(?:single |new |proud |stay[- ]at[- ]home )?(?:mom|mum|mother|dad|father|"
        r"parent|grandma|grandpa|grandmother|grandfather|twin|aunt|uncle)|(?:the )?(?:oldest|youngest|"
        r"middle)(?: child)? of)\b.*",
    ),
    ("family", r"I (?:got|have been|was|am getting) (?:married|divorced|engaged|widowed|separated)\b.*"),
    ("family", r"I (?:broke up|split up) with my .+"),
    (
        "family",
        rf"My (?:[\w-]+ ){{0,2}}{_RELATIVES}(?:'s (?:name|birthday)\b.*|(?:'s| is| are| was| were) (?!{_BORING}\b|"
        r"so\b|very\b|really\b|such\b|"
        r"\w+ing\b(?<!living)(?<!working)(?<!studying)(?<!expecting)(?<!getting)(?<!teaching)).+| (?:has|have|had|"
        r"lives?|lived|works?|worked|loves?|likes?|hates?|died|plays?|played|teach(?:es)?|owns?|runs?|stud(?:y|"
        r"ies)|moved|passed|got (?:married|divorced)|raised|collects?) .+| died)",
    ),
    (
        "pets",
        r"I (?:have|had|own|owned|adopted|got|rescued|raise|keep|lost|am getting|foster|breed|"
        rf"have had) (?:{_NUMBER}|my|the) (?:[\w'-]+ ){{0,4}}{_PETS}\b.*",
    ),
    (
        "pets",
        rf"My (?:[\w-]+ ){{0,2}}{_PETS}(?:'s (?:name|birthday)\b.*|(?:'s| is| are| was| were) (?!{_BORING}\b|so\b|"
        r"very\b|really\b|such\b|\w+ing\b).+| (?:has|have|had|loves?|likes?|hates?|died|passed|only) .+| died|"
        r"s' names are .+)",
    ),
    (
        "health",
        r"I am (?:not )?(?:an? )?(?:severely |mildly |highly |deathly )?(?:allergic to .+|diabetic|vegetarian|"
        r"vegan|pescatarian|colou?r[- ]?blind|deaf|blind|dyslexic|autistic|left[- ]handed|lactose intolerant|"
        r"gluten (?:free|intolerant)|celiac|asthmatic|anemic|bipolar|epileptic|sober|insomniac|smoker|"
        r"cancer survivor|in a wheelchair|disabled)\b.*",
    ),
    (
        "health",
        r"I (?:have|suffer from|struggle with|was diagnosed with|have been diagnosed with|live with|had|deal with|"
        rf"wear) (?:[\w-]+ ){{0,4}}{_ILLNESS}\b.*",
    ),
    ("health", r"I (?:broke|sprained|tore|injured|fractured|hurt) my (?!\w+ing).+"),
    (
        "health",
        r"I (?:had|have had|am having|need|am getting) (?:[\w-]+ ){0,3}(?:surgery|heart attack|stroke|transplant|"
        r"operation|chemo|braces)\b.*",
    ),
    (
        "health",
        r"I (?:quit|stopped|gave up|do not|don't|never) (?:smoking|drinking|smoke|drink|eat (?!much\b|a lot\b|"
        r"out\b|there\b)\w+).*",
    ),
    (
        "likes",
        r"I am an? (?:(?:big|huge|massive|avid|total) )?(?!fan\b)[\w' -]{2,30} (?:fan|lover|addict|enthusiast|"
        r"nerd|geek)",
    ),
    (
        "work",
        r"I (?:work|worked|have worked|have been working|am working|used to work) (?:as|at|for|in|with|from|"
        r"nights|part[- ]time|full[- ]time|(?:the )?\w+ shifts?|two|three) ?.*",
    ),
    (
        "work",
        r"I (?:am|was|used to be|am going to be|am training to be|am studying to be|want to be|have been|"
        r"am not) (?:an?|the) (?!\w*(?:better|feminist|matter|number|member|winner|loser|lover|sister|brother|"
        r"mother|father|beginner|believer|monster|character|sucker|neither|person|"
        rf"monitor)\b)(?:[\w&/-]+ ){{0,4}}?{_JOB_WORDS}\b.*",
    ),
    (
        "work",
        r"I am (?:semi-)?(?:retired|unemployed|self[- ]employed|between jobs|in (?:college|university|high school|"
        r"grad school|medical school|law school|the (?:army|navy|military|air force))|a (?:college|high school|"
        r"graduate) \w+)\b.*",
    ),
    (
        "work",
        r"I (?:teach|taught|study|studied|am studying|majored in|am majoring in|graduated|have graduated|dropped out) "
        r"(?!it\b|your\b|my\b|him\b|her\b)(?:from |in |at |with |of |an? |the )?[\w&'-]+\b.*",
    ),
    (
        "work",
        r"I (?:manage|run|own|opened|started|am starting|founded|work for) (?:an?|my|my own|the|two) (?:[\w'-]+ ){0,4}"
        r"(?:company|business|shop|store|restaurant|farm|caf[eé]|bakery|bar|start-?up|practice|agency|hotel|school|studio|team|"
        r"clinic|salon|blog|channel|podcast|band|club|non-?profit|charity|bookshop|bookstore|gallery|bed and breakfast)\b.*",
    ),
    ("work", r"I (?:go|went|am going) to (?:[\w'-]+ ){0,3}(?:college|school|university|academy|conservatory)\b.*"),
    (
        "work",
        r"I (?:got|landed|lost|quit|left|started|have|found|am starting|am looking for) (?:an?|my|my own|"
        r"two) (?:[\w-]+ ){0,3}(?:job|business|company|degree|phd|master'?s|promotion|internship|career|shop|"
        r"store|restaurant|exam|interview)\b.*",
    ),
    (
        "work",
        r"My (?:job|major|career|profession|occupation|business|company|degree)(?:'s| is| was) (?!so\b|very\b|"
        r"really\b|pretty\b|a lot\b|boring|good|great|fun|stressful|hard)(?:to |in |as |an? )?.+",
    ),
    (
        "favourite",
        r"My (?:all[- ]time |absolute |current |personal |least |second )?(?:favou?rite|fav|fave|"
        r"least favou?rite) (?!ones?\b|parts?\b|things?\b|is\b|are\b)[\w' &/-]{2,50}? (?:is|are|was|were|would be|"
        r"would have to be|has to be|have to be) (?!when\b|how\b|probably the one|the one|to see\b|"
        r"definitely the\b).+",
    ),
    (
        "favourite",
        r"My (?:main |only |biggest |favou?rite )?(?:hobby|hobbies|passion|dream|dream job|guilty pleasure|"
        r"zodiac sign|star sign|religion|native language)(?:'s| is| are) .+",
    ),
    ("likes", rf"I (?:do )?(?:like|love|enjoy|adore|prefer|hate|dislike|detest|despise|loathe|fear) {_OBJECT}.+"),
    ("likes", rf"I (?:do not|don't) (?:like|enjoy|love|care for) {_OBJECT}.+"),
    ("likes", rf"I (?:can't|cannot) (?:stand|live without|eat|swim|drive) ?{_OBJECT}.*"),
    (
        "likes",
        r"I am (?:not )?(?:a |an )?(?:(?:big|huge|massive|avid) )?(?:fan of|into|obsessed with|fond of|"
        r"crazy about|afraid of|scared of|terrified of|passionate about|addicted to|interested in|sucker for|"
        rf"good at|bad at) {_OBJECT}.+",
    ),
    (
        "plans",
        r"I am going to (?:visit|travel|move|start (?:a|an|my)|study|learn|become|marry|buy|adopt|"
        r"go to (?!bed|sleep|the (?:store|shop|kitchen|bathroom|toilet))|attend|run a|graduate|retire|"
        r"have (?:an?|surgery)|be an?|take (?:an?|my)|get (?:my|married|divorced)) .+",
    ),
    (
        "plans",
        r"I (?:am|have been) (?:planning (?:to|on)|saving(?: up)? (?:for|to)|training for|learning(?: to|"
        rf" how to)?|hoping to|looking forward to|preparing for|studying for) {_WISH_VERB}.+",
    ),
    (
        "plans",
        r"I (?:want to|plan to|plan on|hope to|intend to|dream of|would like to|would love to|"
        rf"have always wanted to|wanna|will be going to) {_WISH_VERB}.+",
    ),
    (
        "plans",
        r"I (?:have|have got|am having) (?:an?|my|two) (?:[\w-]+ ){0,3}(?:exam|interview|appointment|wedding|trip|"
        r"vacation|holiday|test|concert|flight|surgery|recital|marathon|deadline|date)\b.+",
    ),
    ("habits", rf"I (?:usually|often|sometimes|rarely) (?!think|feel|wonder|say|forget|know|find|get |wish){_DOING}\b.+"),
    ("habits", rf"I (?:always|never) (?!mind|mean|said|say|heard|tried|thought|knew|wanted|been|seen|had|forget){_DOING}\b.+"),
    (
        "habits",
        r"I (?:can |can't |cannot )?(?:play|collect|speak|coach|volunteer) (?!along|fair|with (?:that|it)|"
        r"for (?:you|myself)|together|by|about|up)(?:[A-Za-z]).+",
    ),
    ("habits", rf"I (?:like to )?{_DOING}\b.*\b{_OFTEN}\b.*"),
    (
        "habits",
        r"I have been (?:\w+ing) .*\bfor (?:about |over |almost |nearly |more than )?(?:[\w-]+ )?(?:years|months|"
        r"decades|a (?:year|decade))\b.*",
    ),
    (
        "habits",
        r"I used to (?:play|collect|smoke|drink|sing|dance|coach|travel|have|own|do|be an?|compete|swim|box|ride|"
        r"run) .+",
    ),
    (
        "self",
        r"I (?:have|own|drive|ride|bought|am buying) (?:an?|two|three|my own|several|many|no|some|over \w+|"
        r"\d+) (?:[\w'-]+ ){0,4}(?:cars?|trucks?|bikes?|motorcycles?|motorbike|boats?|tattoos?|piercings?|garden|"
        r"pianos?|guitars?|violin|collection|telescope|camera|scars?|accent|license|van|jeep|tesla|toyota|ford|"
        r"honda|bmw|xbox|playstation|allotment)\b.*",
    ),
    ("self", r"I have (?:[\w-]+,? ){1,4}(?:hair|eyes|freckles|dimples|skin)\b.*"),
    (
        "self",
        r"I am (?:\d ?(?:'|feet|foot|ft)|\d\.\d+ ?m\b|\d{3} ?cm|(?:half )?(?:American|British|English|Irish|"
        r"Scottish|Welsh|German|French|Spanish|Italian|Mexican|Canadian|Chinese|Japanese|Korean|Indian|Russian|"
        r"Polish|Dutch|Swedish|Norwegian|Danish|Finnish|Greek|Turkish|Brazilian|Portuguese|Australian|African|"
        r"Asian|Jewish|Muslim|Christian|Catholic|Buddhist|Hindu|atheist|Ukrainian|Vietnamese|Filipino|"
        r"Puerto Rican|Cuban|Swiss|Austrian))\b.*",
    ),
    (
        "self",
        r"I am (?:not )?(?:an? )?(?:introverted|extroverted|shy|tall|short|blonde?|brunette|redhead|bald|"
        r"religious|gay|lesbian|bisexual|trans|non-binary|straight|asexual|introvert|extrovert|perfectionist|"
        r"morning person|night owl|early bird|night person|people person|cat person|dog person|homebody|bookworm|"
        r"foodie|gamer|atheist|republican|democrat|feminist|minimalist|nerd|geek|workaholic|twin|virgo|leo|aries|"
        r"taurus|gemini|cancer|libra|scorpio|sagittarius|capricorn|aquarius|pisces)\b.*",
    ),
)
PATTERNS: Final = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _TABLE)

_ELSEWHERE_TABLE: tuple[tuple[Kind, str], ...] = (
    (
        "name",
        r"ich hei(?:ß|ss)e \w|mein name ist \w|je m'appelle \w|mon nom est \w|me llamo \w|mi nombre es \w|"
        r"mi chiamo \w|(?:o )?meu nome é \w|(?:eu )?me chamo \w|ik heet \w|mijn naam is \w|меня зовут \w|"
        r"jag heter \w|mam na imię \w|我叫|我的名字是|(?:私|僕|俺)の名前は|제 이름은",
    ),
    (
        "home",
        r"ich (?:wohne|lebe) in \w|ich komme aus \w|j'habite \w|je viens d\w|vivo en \w|soy de \w|abito a \w|"
        r"vivo a \w|vengo da \w|(?:eu )?moro em \w|sou de \w|ik woon in \w|ik kom uit \w|я живу в \w|я из \w|"
        r"jag bor i \w|mieszkam w \w|我住在|我来自|(?:私|僕|俺)は.+に住んで",
    ),
    (
        "work",
        r"ich arbeite (?:als|bei|in) \w|ich studiere \w|je travaille \w|j'étudie \w|trabajo (?:como|en|de) \w|"
        r"estudio \w|lavoro (?:come|in|a|da) \w|studio \w+|trabalho (?:como|em|com|na|no) \w|ik werk (?:als|bij|"
        r"in) \w|ik studeer \w|я работаю \w|я учусь \w|jag jobbar \w|pracuję \w|我是(?:一名|一个).+|我在.+工作|(?:私|僕|"
        r"俺)は.+で働いて",
    ),
    (
        "family",
        r"ich habe (?:eine?n?|zwei|drei|keine) (?:\w+ )?(?:schwester|bruder|brüder|kind|kinder|sohn|tochter|frau|"
        r"mann)|mein(?:e)? (?:frau|mann|mutter|vater|sohn|tochter|bruder|schwester|freund|freundin) \w|"
        r"ma (?:femme|mère|sœur|fille) \w|mon (?:mari|père|frère|fils) \w|mi (?:esposa|marido|madre|padre|hermano|"
        r"hermana|hijo|hija) \w|tengo (?:un|una|dos|tres) (?:hermano|hermana|hijo|hija)|mia (?:moglie|madre|"
        r"sorella|figlia) \w|mio (?:marito|padre|fratello|figlio) \w|minha (?:esposa|mãe|irmã|filha) \w|"
        r"meu (?:marido|pai|irmão|filho) \w|у меня есть (?:брат|сестра|сын|дочь|муж|жена)|我有.*(?:姐|妹|哥|弟|儿子|女儿)",
    ),
    (
        "pets",
        r"ich habe (?:eine?n?|zwei|drei) (?:\w+ )?(?:hund|hunde|katze|katzen|kater|vogel|hasen)|"
        r"mein(?:e)? (?:hund|katze|kater) \w|j'ai (?:un|une|deux) (?:chat|chien|chats|chiens)|mon (?:chat|"
        r"chien) \w|tengo (?:un|una|dos) (?:gato|gata|perro|perra|gatos|perros)|mi (?:gato|gata|perro|perra) \w|"
        r"ho (?:un|una|due) (?:gatto|cane|gatti|cani)|tenho (?:um|uma|dois|duas) (?:gato|gata|cachorro|cão)|"
        r"ik heb (?:een|twee) (?:hond|kat|katten|honden)|"
        r"у меня есть (?:кот|кошка|собака)|我有.*(?:猫|狗)|猫を飼って|犬を飼って",
    ),
    (
        "likes",
        r"ich (?:mag|liebe|hasse) (?!dich|es\b|das\b)\w|j'(?:aime|adore|déteste) (?!ça|bien ça)\w|me (?:gusta|"
        r"gustan|encanta|encantan) (?!eso|esto)\w|mi piac(?:e|ciono) (?!questo)\w|(?:eu )?(?:gosto de|adoro|"
        r"odeio) (?!isso|você)\w|ik hou van (?!jou|je\b)\w|я (?:люблю|ненавижу) (?!тебя|это)\w|我(?:很|最)?喜欢(?!你)|"
        r"が(?:大好き|好き)",
    ),
    (
        "favourite",
        r"mein(?:e)? lieblings\w+ (?:ist|sind) \w|mon \w+ préféré|ma \w+ préférée|mi \w+ (?:favorit[oa]|"
        r"preferid[oa]) es \w",
    ),
    (
        "health",
        r"ich bin (?:allergisch|vegetarier\w*|veganer\w*|diabetiker\w*)|je suis (?:allergique|végétarien\w*|"
        r"diabétique)|soy (?:alérgic[oa]|vegetarian[oa]|vegan[oa]|diabétic[oa])|sono (?:allergic[oa]|"
        r"vegetarian[oa])|sou (?:alérgic[oa]|vegetarian[oa])",
    ),
    (
        "age",
        r"ich bin \d+(?: jahre alt)?|j'ai \d+ ans|tengo \d+ años|ho \d+ anni|tenho \d+ anos|ik ben \d+ jaar|"
        r"мне \d+ (?:лет|год)|我\d+岁|\d+歳です",
    ),
)
ELSEWHERE: Final = tuple((kind, re.compile(rf"(?<!\w)(?:{pattern})", re.IGNORECASE)) for kind, pattern in _ELSEWHERE_TABLE)
"""Other languages, without a rewriting: such a sentence is kept as it was said."""
