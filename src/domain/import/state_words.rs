//! Words of list names that mean a state, without accents. How phrases are written is explained in
//! `states`; a `|` stands between them.

/// A list with one of these words is about something else: a definition of done, a waiting room.
pub(crate) const NOT_A_STATE: &str = "\
    annual|beta|cases|checklist|criteria|definition|environment|getting|how|ideas|meeting|meetings|notes| \
    performance|plan|plans|room|template|templates|tools|why|year";

/// A list that starts with one of these is about habits: what to stop doing.
pub(crate) const NOT_A_STATE_FIRST: &str = "\
    continue|keep|more|start|stop";

/// These negate what follows them.
pub(crate) const NOT_YET: &str = "\
    arent|cannot|cant|didnt|dont|hasnt|ikke|incomplete|inte|isnt|kein|nao|ne|never|nicht|nie|niet|no|non| \
    not|pas|sin|undone|unfinished|unresolved|wont|не|нет";

/// Before a word for done or in progress, these say that it is still to come.
pub(crate) const NOT_YET_DONE: &str = "\
    almost|before|half|nearly|partially|partly|por|ready|selected|to|until|when|zu";

pub(crate) const DONE: &str = "\
    =archive|=in production|=live|=live in production|=on production|abgeschlossen|accepted|afgerond| \
    archived|avsluttet|befejezve|beendet|bitti|chiuso|closed|cloture|complete$|completada|completado| \
    completato|completed|concluida|concluido|concluso|da xong|delivered|deployed|dokonceno|done|entregado| \
    entregue|erledigt|faerdig|fait|faite|fardig|fardigt|fatto|feita|feito|ferdig|fertig|fertiggestellt|fini| \
    finie|finito|finalizada|finalizado|finalizat|finished|gata|gedaan|gereed|geschlossen|gotovo|gotowe| \
    hecha|hecho|hoan thanh|hotove|hotovo|kesz|klaar|klar|klart|launched|listo|livre|merged|published| \
    realizado|released|resolved|selesai|shipped|signed off|tamamlandi|tamamlanan|tehty|terminada|terminadas| \
    terminado|terminados|terminat|terminato|termine|terminee|terminees|termines|ukonczone|valmiit|valmis| \
    verified|voltooid|xong|yapildi|zakonczone|zrobione|завершено|завершены|закрыто|зроблено|выполнено| \
    виконано|готово|сделано|решено|ολοκληρωθηκε|ολοκληρώθηκε|ολοκληρωμένα|בוצע|הושלם|انجام شد|تم|مكتمل| \
    مكتملة|منجز|पूर्ण|完了|完成|済み|終了|完毕|已关闭|已發布|已发布|已上线|已解决|완료|เสร็จ";

pub(crate) const REVIEW: &str = "\
    =abnahme|=acceptance|=approval|=pr|=prs|=prufung|=recette|=staging|=test|=tests|a tester|a valider| \
    aprovacao|awaiting approval|em teste|em testes|en pruebas|en revue|en test|for approval|for test| \
    homologacao|in abnahme|in pr|in prova|in prufung|in staging|in test|in verifica|kontrola|on staging| \
    por revisar|prueba|pruebas|pull request|pull requests|qa|relecture|review|reviewed|reviewing|revisao| \
    revision|revisione|teste|tested|testen|testes|testing|to test|uat|under test|user test|validate| \
    validating|validation|verification|verify|verifying|zu prufen|на проверке|на ревью|проверка|ревью| \
    тестирование|на тестировании|перевірка|בבדיקה|مراجعة|レビュー|確認中|確認待ち|テスト|审核|審核|评审|測試|测试|验收|검토|리뷰|테스트| \
    ตรวจสอบ";

pub(crate) const BLOCKED: &str = "\
    =hold|=impedido|=parked|afventer|aguardando|angehalten|attente|awaiting|beklemede|blocat|blockiert| \
    blocked|blocker|blockers|blokovano|bloccata|bloccato|bloque|bloquee|bloquees|bloqueada|bloqueado| \
    bloqueados|bloques|ceka|detenido|em espera|en espera|en pause|engellendi|geblokkeerd|impeded|impediment| \
    impediments|in attesa|in wartestellung|odottaa|oczekuje|on hold|onhold|pausado|paused|pausiert|sospeso| \
    stalled|stuck|suspended|vantar|varakozik|venter|wachten|wacht op|waiting for|waiting on|waiting to| \
    waiting$|warten|wartend|wartet|wstrzymane|zablokowane|zuruckgestellt|в ожидании|заблокировано| \
    заблоковано|ожидание|на паузе|отложено|חסום|ממתין|محظور|معلق|保留|待ち|ブロック|阻塞|暂停|暫停|等待|挂起|搁置|보류|차단|รอ";

pub(crate) const DOING: &str = "\
    =active|=aktiv|=building|=coding|=current|=dev|=developing|=development|=implementation|=implementing| \
    =laufend|=now|=progress|=started|bezig|dalam proses|dang lam|dang thuc hien|devam eden|devam ediyor| \
    dikerjakan|doing|em andamento|em progresso|en cours|en curso|en proceso|en progreso|fazendo|folyamatban| \
    haciendo|i gang|igang|in arbeit|in bearbeitung|in behandeling|in corso|in curs|in dev|in development| \
    in flight|in implementation|in lucru|in progress|in the works|in umsetzung|in work|inprogress|kesken| \
    ongoing|pagaende|probiha|progressing|started$|tyon alla|under arbeid|under way|underway|v procesu| \
    v prubehu|w toku|w trakcie|wip|working on|yapiliyor|в процессе|в работе|в роботі|в процесі|выполняется| \
    делается|делаю|σε εξέλιξη|בביצוע|בתהליך|در حال انجام|قيد التنفيذ|जारी|作業中|進行中|対応中|着手中|実施中|开发中|開發中|处理中| \
    處理中|进行中|執行中|执行中|진행중|작업중|กำลังทำ|กำลังดำเนินการ";

pub(crate) const TODO: &str = "\
    =inbox|=later|=new|=next|=open|=queue|=ready|=someday|=upcoming|a faire|a fazer|a hacer|att gora| \
    backlog|can lam|da fare|de facut|do zrobienia|geplant|icebox|not started|offen|pendiente|pendientes| \
    pendente|pendentes|planned|por hacer|queued|ready for|ready to|selected for|te doen|teendok|tekematta| \
    to be|to do|to dos|todo|todos|up next|yapilacak|yapilacaklar|zu erledigen|к выполнению|к работе|зробити| \
    нужно сделать|сделать|לביצוע|للقيام|待办|待辦|待处理|待處理|计划|予定|やること|할일|해야할일|ต้องทำ";
