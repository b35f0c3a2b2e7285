"""Given names, and the short, familiar and foreign forms people use for them.

Each line reads `name: forms`. A form can stand for several names; two names that share a
form are still two names (`caro` meets `caroline` and `carole`, which do not meet).
"""

from __future__ import annotations

from functools import lru_cache

from rcu.identity.normalise.spellings import OTHER_SPELLINGS

_FAMILIAR_FORMS = """
abigail: abby abbie gail
agnes: nanou
alan: al
albert: al bert bebert
alberto: beto
alexander: alex sandy sasha xander alec
alexandra: alex sandra alexa sacha alexia lexi
alexandre: alex sacha sandro xandre alexander
alexis: alex lexi
alfred: fred freddy alf alfie
alice: lili alicia
amanda: mandy
amandine: amande mandine
amelia: millie
amelie: amel lili
andrew: andy drew
angelique: angie
anne: annie nanou anna ann annette
annie: nanou
anthony: tony antho anto
antoine: tonio tony toine antonin
antoinette: toinette nettie
archibald: archie
arnaud: arno
arthur: art
aurelie: lilie aure
aurelien: aurel
barbara: barb babs barbie
bartholomew: bart
beatrice: bea
benedicte: bene
benjamin: ben benji benj
benoit: ben beno
bernadette: dadette
bernard: nanard
bertrand: bebert
brigitte: bri gigitte
bruno: bru
camille: cam cami
carole: caro
caroline: caro carol line
catherine: cathy cath kathy cat kate cate katherine katia
cecile: cecilou
celine: line
chantal: chanchan
charles: charlie chuck charly
charlotte: charlie lotte cha lottie
christelle: chris christel
christian: chris
christiane: chris
christine: chris christy tina kristine
christophe: chris tof toph kris christo
christopher: chris kit topher
claire: clairette
claudine: clo
clement: clem
clementine: clem
clotilde: clo
concepcion: concha
corinne: coco corine
cynthia: cindy
cyril: cyrille
damien: dam
daniel: dan dany danny
danielle: dany dani
david: dave davy davey
deborah: debbie debby deb
debra: debbie deb
delphine: delph
denis: denys
didier: didou
dominique: dom domi
donald: don donnie
dorothee: doro
dorothy: dot dottie dolly
edmund: ed eddie ned
edouard: ed eddy edward doudou
eduardo: lalo
edward: ed eddie ted teddy ned
edwin: ed eddie
eleanor: ellie nell nora
eleonore: leo nora elea
eliane: lili
elisabeth: babeth elise zabeth lisa beth betty lise liz elizabeth babette lisbeth lili
elizabeth: liz beth betty lisa eliza lizzie libby bess ellie
ellen: nellie nell
elodie: elo
emilie: mimi emily emi
emily: em millie
emma: em
emmanuel: manu
emmanuelle: manu
enrique: kike
eric: erick erik
ernest: ernie
estelle: este stella
etienne: steph
eugene: gene
evelyn: evie
evelyne: eve evelyn
fabien: fab
fabienne: fab
fabrice: fab
finley: finn
florence: flo flossie
florent: flo
florian: flo
frances: fran fanny francie
francis: frank fran
francois: franck fanfan francky
francoise: fanfan framboise soizic
frederic: fred fredo freddy frederick
frederick: fred freddie rick
frederique: fred
gabriel: gaby gab gabe
gabrielle: gaby gab
genevieve: gene ginette
geoffrey: jeff geoff
gerald: gerry jerry
gerard: gege
germaine: maine
gilbert: gil
gilles: gillou
gisele: gigi
gordon: gordie
gregoire: greg
gregory: greg
guadalupe: lupe
guillaume: guigui gui william guillaum
guillermo: memo
guy: guitou
gwenaelle: gwen
gwendoline: gwen
harold: hal harry
harriet: hattie
harrison: harry
helene: lena leni nelly
henri: riri riton henry
henrietta: hettie etta
henry: harry hank hal
herbert: bert herb
herve: rv
howard: howie
hubert: hub bert
hugo: hug
ingrid: inge
isaac: ike zac
isabel: izzy bella
isabella: bella izzy
isabelle: isa zaza babelle isabel belle izzy
jacob: jake
jacqueline: jacky jackie line jacotte
jacques: jacky jacquot jack jacquy
james: jim jimmy jamie
janet: jan
jasmine: jaz jas
jean: jeannot john jano
jeanbaptiste: jb jeanba
jeanclaude: jc jeanclo
jeanfrancois: jf jeff
jeanlouis: jl
jeanluc: jl
jeanmarc: jm
jeanmarie: jm
jeanmichel: jm
jeanne: jeannette jane
jeanpaul: jp
jeanphilippe: jp
jeanpierre: jp
jeanyves: jy
jennifer: jen jenny jenn jennie
jeremie: jerem
jeremy: jerem jerry
jerome: jerry gege
jessica: jess jessie
jesus: chuy
joanna: jo
joelle: jo
john: jack johnny jon
jonathan: jo jon nathan john johnny
joseph: jo jojo joe jose joey
josephine: jo josie fifine
josette: jo
joshua: josh
josiane: jo josy
judith: judy
julie: ju juju
julien: ju juju jules
juliette: ju juju julie
justine: just titine
karine: karin carine
katherine: kate kathy katie kit kitty kath katy
kenneth: ken kenny
kevin: kev
kimberly: kim
laetitia: laeti leti titia
laurence: lau lolo
laurent: lolo lau
lawrence: larry
leonard: leo lenny len
leonardo: leo
leonie: leo
leopold: leo
liliane: lili lily
lillian: lily lil
louis: loulou lou
louise: loulou lou
lucas: luc luka lukas
lucien: lulu
lucienne: lulu
ludovic: ludo
lydia: lyd
madeleine: mado mad madelon
magali: mag magalie
manon: mano
manuel: manny
marc: marco mark marcus
marcel: marcelo
margaret: maggie meg peggy marge margie greta peggie peg
marguerite: margot margo maguy
marianne: marie
marie: mimi mary maria
mariechristine: mc
mariefrance: mf
mariejose: mj
marielouise: malou
mariepierre: mp
marine: marinou
marjorie: marge margie
martha: marty
martin: marty
martine: titine tine
mary: molly polly
mathieu: mat math matthieu mathew
mathilde: mathou tilde
matilda: tilly tilda
matthew: matt
maurice: momo
maxime: max maxou
maximilien: max
melanie: mel mela
melissa: mel missy
michael: mike micky mick mickael mikael mickey mich
michel: mich michou
michele: mich michou mimi michelle
micheline: mimi
mildred: millie
mireille: mimi
mohamed: momo mohammed mo med mehmed mohammad muhammad
monique: momo mony nicky
muriel: mumu
nathalie: nath nat natacha nathy
nathan: nat nate
nathaniel: nat nate nathan
nicholas: nick nicky
nicolas: nico nick colas
nicole: nicky nic
noemie: no mimi
odile: dilou
oliver: ollie
olivia: liv olive livia livvy
olivier: oliv olive oli
pamela: pam
pascal: pasc
pascale: pasc
patrice: pat
patricia: pat patou patty trish tricia pati patti
patrick: pat patou paddy patoche
paul: paulo popaul
paulette: pauline paule
pauline: popo
penelope: penny
peter: pete
philip: phil pip
philippa: pippa
philippe: phil philou philip
phyllis: phil
pierre: pierrot pierrick peter
priscilla: cilla
quentin: quent
rachel: rach
randall: randy
randolph: randy
raphael: raph rafael raf
rebecca: becky becca
reginald: reggie reg
regine: reg
remi: remy
richard: rick dick ricky rich richie
robert: bob bobby rob bert robby roby
roberto: beto
roger: rog
roland: rolland rollie rolly
romain: rom
ronald: ron ronnie
rosario: charo
rosemary: rosie
rudolph: rudy
sabrina: sab
samantha: sam
samuel: sam sammy
sandra: sandrine sandy
sandrine: sandra sandy
sarah: sara sally sadie
sebastien: seb bastien sebastian
severine: seve sev
simone: monette
solange: soso
sophie: soph sof
stanislas: stan
stephane: steph stef stephan
stephanie: steph stef fanny phanie
stephen: steve
steven: steve
susan: sue suzy susie
suzanne: suzy suzon zette
sylvain: sylv
sylvie: syl
tabitha: tabby
terence: terry
theodore: theo ted teddy
theophile: theo
theresa: terry tess tracy
therese: tess terry
thibault: thib thibaud thibaut tibo
thierry: titi
thomas: tom tommy toto thom
timothee: tim
timothy: tim timmy
tobias: toby
valentin: val
valentine: val
valerie: val valou
vanessa: vava nessa
veronica: ronnie roni
veronique: vero veronica
victor: vic vico
victoria: vicky tori vic vicki
vincent: vince vins vinny vinnie
virginia: ginny
virginie: virg ginie nini
viviane: viv vivi
vivien: viv
wallace: wally
walter: walt wally
william: will bill billy willy liam willie
winifred: winnie freda
xavier: xav
yann: yannick yan
yannick: yann yan
yvette: vevette
yvonne: vonette vonnie
zacharie: zac zach
zachary: zac zach zack
zoe: zozo
"""

_NAMES_OF_FORM: dict[str, set[str]] = {}
for _line in (_FAMILIAR_FORMS + OTHER_SPELLINGS).strip().splitlines():
    _name, _, _forms = _line.partition(": ")
    for _form in _forms.split():
        _NAMES_OF_FORM.setdefault(_form, set()).add(_name)


@lru_cache(maxsize=65536)
def roots_of(given_name: str) -> frozenset[str]:
    """Return the names that `given_name` can stand for, itself included.

    In lower-case ASCII, run together.
    """
    return frozenset({given_name} | _NAMES_OF_FORM.get(given_name, set()))
